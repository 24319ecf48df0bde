//! The engine in pure Rust. It knows lines rather than characters: boxes are shared out evenly along each
//! line.

use std::path::Path;

use pdfboss_core::{Dict, Error, Object, Rect};
use pdfboss_output::{Block, Line, page_layout};
use pdfboss_text::{FontCache, ReadingOrder, TextSpan, extract_spans_reporting_cached};

use super::{Failure, Glyph, RawPage, sight::SIZE_POINTS_MIN};

/// Ascent and descent of a line in shares of its font size, as most text fonts have them.
const ASCENT: f32 = 0.8;
const DESCENT: f32 = 0.2;

/// How deep forms within forms are searched for pictures.
const FORMS_DEPTH_MAX: u32 = 4;

pub(super) struct Document {
    document: pdfboss_core::Document,
    fonts: FontCache,
}

impl Document {
    /// Opens files without a password and those that open with the empty one.
    pub(super) fn open(file: &Path) -> Result<Self, Failure> {
        let document = pdfboss_core::Document::open(file).map_err(|error| match error {
            Error::Encrypted => Failure::encrypted(),
            Error::Io(error) => Failure::unreadable(format!("The file cannot be read: {error}.")),
            _ => Failure::malformed(),
        })?;
        if document.is_locked() {
            return Err(Failure::encrypted());
        }
        Ok(Document { document, fonts: FontCache::default() })
    }

    /// Pages that exist, whatever number the file declares.
    pub(super) fn page_count(&self) -> u32 {
        u32::try_from(self.document.flattened_page_count()).unwrap_or(u32::MAX)
    }

    /// The page at `index`, counted from 0; a page that cannot be read is empty.
    pub(super) fn page(&self, index: u32, layout: bool, chars_max: u32) -> Result<RawPage, Failure> {
        let empty = RawPage::default();
        let Ok(page) = self.document.page(index as usize) else {
            return Ok(empty);
        };
        let read = extract_spans_reporting_cached(&self.document, &page, &self.fonts, ReadingOrder::Content);
        let Ok((mut spans, report)) = read else {
            return Ok(empty);
        };
        let hidden = self.leave_out_hidden(&page, &mut spans);
        if spans.iter().map(|span| span.text.len()).sum::<usize>() > 4 * chars_max as usize {
            return Err(too_many_chars(index));
        }
        let frame = layout.then(|| Frame::of(&page)).flatten();
        let mut glyphs = Vec::new();
        for block in &page_layout(&spans, report.order).blocks {
            push_block(block, frame.as_ref(), &mut glyphs);
        }
        if glyphs.len() > chars_max as usize {
            return Err(too_many_chars(index));
        }
        Ok(RawPage { size: frame.map(|frame| frame.size), glyphs, hidden })
    }
}

impl Document {
    /// Leaves out what a reader does not see, as far as this engine can tell: type like dust, text beyond the page, and unpainted
    /// text on a page without a picture whose words it could be. Of backgrounds, opacity and clips it knows nothing.
    fn leave_out_hidden(&self, page: &pdfboss_core::Page, spans: &mut Vec<TextSpan>) -> u32 {
        let shown = page.crop_box.normalize();
        let mut has_image = None;
        let mut hidden = 0;
        spans.retain(|span| {
            let centre = [span.bbox.x0 + span.bbox.x1, span.bbox.y0 + span.bbox.y1].map(|sum| sum / 2.0);
            let is_on_page =
                (shown.x0..=shown.x1).contains(&centre[0]) && (shown.y0..=shown.y1).contains(&centre[1]);
            let is_seen = is_on_page
                && span.size >= SIZE_POINTS_MIN
                && (!span.invisible
                    || *has_image.get_or_insert_with(|| self.has_image(&page.resources, FORMS_DEPTH_MAX)));
            if !is_seen {
                hidden += span.text.chars().filter(|character| !character.is_whitespace()).count();
            }
            is_seen
        });
        u32::try_from(hidden).unwrap_or(u32::MAX)
    }

    /// Whether a picture is among the resources, or among those of the forms in them.
    fn has_image(&self, resources: &Dict, depth: u32) -> bool {
        let resolve = |object: &Object| self.document.resolve(object).ok();
        let Some(objects) = resources.get("XObject").and_then(resolve) else { return false };
        objects.as_dict().is_some_and(|objects| {
            objects.iter().filter_map(|(_, object)| resolve(object)).any(|object| {
                let Some(stream) = object.as_stream() else { return false };
                let is_form = stream.dict.get_name("Subtype").is_some_and(|kind| kind.0 == "Form");
                let within = || stream.dict.get("Resources").and_then(resolve);
                !is_form
                    || depth > 0
                        && within().is_some_and(|within| {
                            within.as_dict().is_some_and(|within| self.has_image(within, depth - 1))
                        })
            })
        })
    }
}

fn too_many_chars(index: u32) -> Failure {
    Failure::too_complex(&format!("Page {} holds too many characters", index + 1))
}

fn push_block(block: &Block, frame: Option<&Frame>, glyphs: &mut Vec<Glyph>) {
    let (lines, bbox): (Vec<&Line>, _) = match block {
        Block::Heading { lines, bbox, .. } | Block::Paragraph { lines, bbox, .. } => {
            (lines.iter().collect(), bbox)
        }
        Block::List { items, bbox } => (items.iter().flat_map(|item| &item.lines).collect(), bbox),
        Block::Table { rows, bbox } => {
            let area = Rect::new(bbox.x0, bbox.y0, bbox.x1, bbox.y1);
            for row in rows {
                for line in row.iter().filter_map(|cell| cell.line.as_ref()) {
                    push_line(line, area, frame, glyphs);
                    glyphs.push(Glyph::new(' ', None));
                }
                glyphs.push(Glyph::new('\n', None));
            }
            return;
        }
    };
    for line in lines {
        push_line(line, Rect::new(bbox.x0, bbox.y0, bbox.x1, bbox.y1), frame, glyphs);
        glyphs.push(Glyph::new('\n', None));
    }
}

#[expect(clippy::cast_precision_loss, reason = "a line has far fewer characters than f32 counts")]
fn push_line(line: &Line, block: Rect, frame: Option<&Frame>, glyphs: &mut Vec<Glyph>) {
    let characters = || line.inlines.iter().flat_map(|inline| inline.text.chars());
    let advance = (line.end_x - line.x) / characters().count().max(1) as f32;
    // A line of turned text has coordinates of its own; its block's box is all that is known of it on the
    // page.
    let turned = line.x < block.x0 - 1.0
        || line.end_x > block.x1 + 1.0
        || line.y < block.y0 - line.size
        || line.y > block.y1 + 1.0;
    glyphs.extend(characters().enumerate().map(|(index, character)| {
        let left = line.x + index as f32 * advance;
        let area = Rect::new(left, line.y - DESCENT * line.size, left + advance, line.y + ASCENT * line.size);
        Glyph::new(character, frame.and_then(|frame| frame.displayed(if turned { block } else { area })))
    }));
}

/// A page's visible box and how it is turned for display.
struct Frame {
    crop: Rect,
    rotate: i32,
    size: [f32; 2],
}

impl Frame {
    fn of(page: &pdfboss_core::Page) -> Option<Self> {
        let (width, height) = page.size();
        let sensible = [width, height].iter().all(|side| side.is_finite() && *side > 0.0);
        sensible.then_some(Frame {
            crop: page.crop_box.normalize(),
            rotate: page.rotate.rem_euclid(360),
            size: [width, height],
        })
    }

    /// A box in page space as left, top, right, bottom on the displayed page.
    fn displayed(&self, area: Rect) -> Option<[f32; 4]> {
        let crop = self.crop;
        let [left, right] = [area.x0 - crop.x0, area.x1 - crop.x0];
        let [from_top, to_top] = [crop.y1 - area.y1, crop.y1 - area.y0];
        let [below, above] = [area.y0 - crop.y0, area.y1 - crop.y0];
        let shown = match self.rotate {
            90 => [below, left, above, right],
            180 => [crop.x1 - area.x1, below, crop.x1 - area.x0, above],
            270 => [from_top, crop.x1 - area.x1, to_top, crop.x1 - area.x0],
            _ => [left, from_top, right, to_top],
        };
        shown.iter().all(|side| side.is_finite()).then_some(shown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(rotate: i32, size: [f32; 2]) -> [f32; 4] {
        let frame = Frame { crop: Rect::new(10.0, 20.0, 110.0, 220.0), rotate, size };
        frame.displayed(Rect::new(20.0, 40.0, 50.0, 60.0)).unwrap()
    }

    #[test]
    #[expect(clippy::float_cmp, reason = "whole numbers are exact")]
    fn boxes_turn_with_the_page() {
        assert_eq!(shown(0, [100.0, 200.0]), [10.0, 160.0, 40.0, 180.0]);
        assert_eq!(shown(90, [200.0, 100.0]), [20.0, 10.0, 40.0, 40.0]);
        assert_eq!(shown(180, [100.0, 200.0]), [60.0, 20.0, 90.0, 40.0]);
        assert_eq!(shown(270, [200.0, 100.0]), [160.0, 60.0, 180.0, 90.0]);
    }
}
