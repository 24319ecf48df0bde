//! libpdfium through the few of its functions that reading text needs, found at run time. All `unsafe` of
//! reading is in this folder; what leaves are plain glyphs.

mod functions;
mod painted;

use std::ffi::{CString, c_int, c_ulong, c_void};
use std::path::Path;
use std::ptr::{NonNull, null, null_mut};
use std::sync::{Mutex, MutexGuard, PoisonError};

use libloading::Library;

use self::functions::{Configuration, Functions};
use self::painted::Painted;
use super::sight::Area;
use super::{Failure, Glyph, LINE_END_HYPHEN, RawPage};

/// The library keeps global state and is not safe to share between threads, so that one at a time may hold
/// it.
static IN_USE: Mutex<()> = Mutex::new(());

/// libpdfium's error code for a password that is missing or wrong (`FPDF_ERR_PASSWORD`).
const ERROR_PASSWORD: c_ulong = 4;

/// Device units per point in the calls that turn page coordinates into displayed ones; those are whole
/// numbers.
const UNITS_PER_POINT: f32 = 64.0;

/// Beyond this a page has no layout: the format allows 14,400 points, and coordinates must stay exact.
const PAGE_POINTS_MAX: f32 = 100_000.0;

/// An empty list of folders, which ends in a null pointer: the text must not depend on the fonts of the
/// machine.
static NO_FONT_FOLDERS: usize = 0;

/// The library, loaded and initialised.
pub(super) struct Pdfium {
    call: Functions,
    // Fields are dropped in this order: the library is unloaded before another thread may load it.
    _library: Library,
    _only: MutexGuard<'static, ()>,
}

/// Why libpdfium did not open a file.
pub(super) enum Refusal {
    Password,
    Other,
}

impl Pdfium {
    /// Fails where the file is absent, is no library for this machine, or lacks a function.
    pub(super) fn load(library: &Path) -> Result<Self, libloading::Error> {
        let only = IN_USE.lock().unwrap_or_else(PoisonError::into_inner);
        // SAFETY: loading runs the library's initialisers; which library that is, is the operator's choice.
        let library = unsafe { Library::new(library) }?;
        let call = Functions::find(&library)?;
        let configuration = Configuration {
            version: 2,
            user_font_paths: (&raw const NO_FONT_FOLDERS).cast(),
            isolate: null_mut(),
            embedder_slot: 0,
        };
        // SAFETY: the configuration is read during the call only; the list it points to is never freed.
        unsafe { (call.initialise)(&raw const configuration) };
        Ok(Pdfium { call, _library: library, _only: only })
    }

    pub(super) fn open(&self, file: &Path) -> Result<Document<'_>, Refusal> {
        let path = CString::new(file.as_os_str().as_encoded_bytes()).map_err(|_| Refusal::Other)?;
        // SAFETY: the path ends in NUL and lives through the call; no password means the empty one.
        let handle = unsafe { (self.call.load_document)(path.as_ptr(), null()) };
        match NonNull::new(handle) {
            Some(handle) => Ok(Document { pdfium: self, handle }),
            // SAFETY: it only reads what the call above left.
            None if unsafe { (self.call.last_error)() } == ERROR_PASSWORD => Err(Refusal::Password),
            None => Err(Refusal::Other),
        }
    }
}

impl Drop for Pdfium {
    fn drop(&mut self) {
        // SAFETY: every document borrows `self` and so is closed by now.
        unsafe { (self.call.destroy)() };
    }
}

/// An open document.
pub(super) struct Document<'p> {
    pdfium: &'p Pdfium,
    handle: NonNull<c_void>,
}

impl Document<'_> {
    pub(super) fn page_count(&self) -> u32 {
        // SAFETY: the handle is open while `self` lives.
        let count = unsafe { (self.pdfium.call.page_count)(self.handle.as_ptr()) };
        u32::try_from(count).unwrap_or(0)
    }

    /// The page at `index`, counted from 0, or `None` where it does not open.
    pub(super) fn page(&self, index: u32, layout: bool, chars_max: u32) -> Result<Option<RawPage>, Failure> {
        let Some(page) = OpenPage::open(self, index) else {
            return Ok(None);
        };
        let chars = page.char_count();
        if chars.unsigned_abs() > chars_max {
            return Err(Failure::too_complex(&format!("Page {} holds too many characters", index + 1)));
        }
        let frame = page.frame();
        let mut painted = Painted::on(page.call, page.page, frame.as_ref().and_then(Frame::shown));
        let (mut glyphs, mut hidden) = (Vec::new(), 0);
        let mut high_surrogate = None;
        for position in 0..chars {
            let Some(character) = page.character(position, &mut high_surrogate) else {
                continue;
            };
            let area = page.area(position);
            if painted.shows(page.text.as_ptr(), position, area) == Some(false) {
                hidden += u32::from(!character.is_whitespace());
                continue;
            }
            let displayed = frame.as_ref().filter(|_| layout).zip(area);
            glyphs.push(Glyph::new(character, displayed.and_then(|(frame, area)| frame.displayed(area))));
        }
        Ok(Some(RawPage { size: frame.filter(|_| layout).map(|frame| frame.size), glyphs, hidden }))
    }
}

impl Drop for Document<'_> {
    fn drop(&mut self) {
        // SAFETY: the handle is open, every page borrows `self` and so is closed, and nothing uses it
        // afterwards.
        unsafe { (self.pdfium.call.close_document)(self.handle.as_ptr()) };
    }
}

/// A page and its text, both open. Text outside the page's box is text all the same.
struct OpenPage<'d> {
    call: &'d Functions,
    page: NonNull<c_void>,
    text: NonNull<c_void>,
}

impl<'d> OpenPage<'d> {
    fn open(document: &'d Document<'_>, index: u32) -> Option<Self> {
        let call = &document.pdfium.call;
        let index = c_int::try_from(index).ok()?;
        // SAFETY: the document is open; a page that does not exist gives null.
        let page = NonNull::new(unsafe { (call.load_page)(document.handle.as_ptr(), index) })?;
        // SAFETY: the page is open.
        let Some(text) = NonNull::new(unsafe { (call.load_text)(page.as_ptr()) }) else {
            // SAFETY: the page is open and not used afterwards.
            unsafe { (call.close_page)(page.as_ptr()) };
            return None;
        };
        Some(OpenPage { call, page, text })
    }

    fn char_count(&self) -> c_int {
        // SAFETY: the text is open; a fault gives -1.
        unsafe { (self.call.count_chars)(self.text.as_ptr()) }.max(0)
    }

    /// The character at `position`; half of a surrogate pair waits in `high` for its other half.
    fn character(&self, position: c_int, high: &mut Option<u32>) -> Option<char> {
        // SAFETY: the text is open; a position outside it gives 0.
        let code = unsafe { (self.call.unicode)(self.text.as_ptr(), position) };
        let first = high.take();
        match code {
            0xd800..=0xdbff => {
                *high = Some(code);
                None
            }
            0xdc00..=0xdfff => {
                first.and_then(|first| char::from_u32(0x10000 + ((first - 0xd800) << 10) + (code - 0xdc00)))
            }
            // SAFETY: as above.
            0x2 | 0xfffe if unsafe { (self.call.is_hyphen)(self.text.as_ptr(), position) } == 1 => {
                Some(LINE_END_HYPHEN)
            }
            0x2 => None,
            code => char::from_u32(code),
        }
    }

    fn frame(&self) -> Option<Frame> {
        // SAFETY: the page is open, in both calls.
        let size = unsafe {
            [(self.call.page_width)(self.page.as_ptr()), (self.call.page_height)(self.page.as_ptr())]
        };
        if !size.iter().all(|side| side.is_finite() && *side > 0.0 && *side < PAGE_POINTS_MAX) {
            return None;
        }
        let origin = self.device_point(size, 0.0, 0.0)?;
        let x_axis = self.device_point(size, AXIS_POINTS, 0.0)?;
        let y_axis = self.device_point(size, 0.0, AXIS_POINTS)?;
        let slope = |end: [f64; 2]| [(end[0] - origin[0]) / AXIS_POINTS, (end[1] - origin[1]) / AXIS_POINTS];
        Some(Frame { size, origin, x_axis: slope(x_axis), y_axis: slope(y_axis) })
    }

    /// A point of page space in points from the top left corner of the displayed page.
    #[expect(clippy::cast_possible_truncation, reason = "a side is below PAGE_POINTS_MAX")]
    fn device_point(&self, size: [f32; 2], x: f64, y: f64) -> Option<[f64; 2]> {
        let [width, height] = size.map(|side| (side * UNITS_PER_POINT).round() as c_int);
        let (mut left, mut top) = (0, 0);
        // SAFETY: the page is open; the result goes to two integers on the stack.
        let done = unsafe {
            (self.call.page_to_device)(
                self.page.as_ptr(),
                0,
                0,
                width,
                height,
                0,
                x,
                y,
                &raw mut left,
                &raw mut top,
            )
        };
        (done != 0).then(|| [left, top].map(|units| f64::from(units) / f64::from(UNITS_PER_POINT)))
    }

    /// The box of a drawn character in page space; spaces and line ends that libpdfium added have none.
    #[expect(clippy::cast_possible_truncation, reason = "a box needs no more digits than f32 has")]
    fn area(&self, position: c_int) -> Option<Area> {
        let [mut left, mut right, mut bottom, mut top] = [0.0; 4];
        // SAFETY: the text is open; the results go to four doubles on the stack.
        let drawn = unsafe {
            (self.call.is_generated)(self.text.as_ptr(), position) == 0
                && (self.call.char_box)(
                    self.text.as_ptr(),
                    position,
                    &raw mut left,
                    &raw mut right,
                    &raw mut bottom,
                    &raw mut top,
                ) != 0
        };
        drawn.then(|| [left, bottom, right, top].map(|side| side as f32))
    }
}

impl Drop for OpenPage<'_> {
    fn drop(&mut self) {
        // SAFETY: both are open and not used afterwards; the text goes first because it refers to the page.
        unsafe {
            (self.call.close_text)(self.text.as_ptr());
            (self.call.close_page)(self.page.as_ptr());
        }
    }
}

/// How far along each axis the slopes are measured, in points: far enough for whole units to be exact.
const AXIS_POINTS: f64 = 1024.0;

/// Page space → the displayed page, as the library itself turns and crops it.
struct Frame {
    size: [f32; 2],
    origin: [f64; 2],
    x_axis: [f64; 2],
    y_axis: [f64; 2],
}

impl Frame {
    /// A box of page space as left, top, right, bottom on the displayed page.
    fn displayed(&self, [left, bottom, right, top]: Area) -> Option<[f32; 4]> {
        let ([x0, y0], [x1, y1]) = (self.point(left, bottom), self.point(right, top));
        let area = [x0.min(x1), y0.min(y1), x0.max(x1), y0.max(y1)];
        let sensible = area.iter().all(|side| side.is_finite() && side.abs() < PAGE_POINTS_MAX);
        let drawn = area[0] < area[2] || area[1] < area[3];
        (sensible && drawn).then_some(area)
    }

    #[expect(clippy::cast_possible_truncation, reason = "a box needs no more digits than f32 has")]
    fn point(&self, x: f32, y: f32) -> [f32; 2] {
        let (x, y) = (f64::from(x), f64::from(y));
        [0, 1].map(|axis| (self.origin[axis] + x * self.x_axis[axis] + y * self.y_axis[axis]) as f32)
    }

    /// The displayed part of page space.
    #[expect(clippy::cast_possible_truncation, reason = "a box needs no more digits than f32 has")]
    fn shown(&self) -> Option<Area> {
        let across = self.x_axis[0] * self.y_axis[1] - self.x_axis[1] * self.y_axis[0];
        let back = |x: f64, y: f64| {
            let (x, y) = (x - self.origin[0], y - self.origin[1]);
            [
                (x * self.y_axis[1] - y * self.y_axis[0]) / across,
                (y * self.x_axis[0] - x * self.x_axis[1]) / across,
            ]
        };
        let [width, height] = self.size.map(f64::from);
        let ([x0, y0], [x1, y1]) = (back(0.0, 0.0), back(width, height));
        let area = [x0.min(x1), y0.min(y1), x0.max(x1), y0.max(y1)].map(|side| side as f32);
        area.iter().all(|side| side.is_finite()).then_some(area)
    }
}
