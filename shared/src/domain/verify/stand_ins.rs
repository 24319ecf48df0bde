//! Characters that stand for something else while text passes through the layers of the filter. They are private-use
//! characters, which the first layer takes out of what the model wrote.

/// The n-th group of markers is `FIRST` plus n.
const FIRST: u32 = 0xf_0000;
const LAST: u32 = 0xf_fffd;

/// Something vanished here: a tag, an image, an address. Only the spaces around it are left to mend.
pub(super) const VANISHED: char = '\u{10fff0}';
/// From here on the text stands in a passage as it is, and goes out as it is: an address.
pub(super) const VERBATIM: char = '\u{10fff1}';
/// Up to here.
pub(super) const VERBATIM_END: char = '\u{10fff2}';

/// Which group of markers the character stands for.
pub(super) fn group_index(found: char) -> Option<usize> {
    u32::from(found).checked_sub(FIRST).filter(|index| index + FIRST <= LAST)?.try_into().ok()
}

/// The character for the group, unless there are too many.
pub(super) fn of_group(index: usize) -> Option<char> {
    u32::try_from(index).ok()?.checked_add(FIRST).filter(|&found| found <= LAST).and_then(char::from_u32)
}

/// Whether the character is none of the text.
pub(super) fn is_stand_in(found: char) -> bool {
    found >= '\u{f0000}'
}
