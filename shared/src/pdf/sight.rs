//! What a reader of a displayed page can see of its text. Pure: engines say what was painted, and where; this says whether a
//! character is hidden. Where it cannot be told, the character counts as seen.

/// Left, bottom, right, top in page space.
pub(super) type Area = [f32; 4];

/// Type below this many points is a line of dust. The smallest that is printed to be read, in footnotes to figures, is 3 to 4.
pub(super) const SIZE_POINTS_MIN: f32 = 1.5;
/// Colours that differ by no more than this in any channel of 255 look the same.
const CHANNEL_NEAR: u8 = 24;
/// Paint thinner than this, of 255, is no paint.
const ALPHA_MIN: f32 = 13.0;
/// Paint thicker than this, of 255, lets nothing through.
const ALPHA_SOLID: f32 = 250.0;
/// What lies over a character covers it if it covers all but this share of its box on each side.
const UNCOVERED_MAX: f32 = 0.2;

const PAPER: Paint = Paint::Of([255; 3]);

/// A colour, as far as it is known.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Paint {
    /// Red, green, blue.
    Of([u8; 3]),
    /// A pattern, a shading, or something that shines through.
    Unknown,
}

impl Paint {
    /// The paint of a colour and its opacity; `None` where there is as good as none.
    pub(super) fn new(colour: Option<[u8; 3]>, alpha: f32) -> Option<Self> {
        match colour {
            _ if alpha < ALPHA_MIN => None,
            Some(colour) if alpha > ALPHA_SOLID => Some(Paint::Of(colour)),
            _ => Some(Paint::Unknown),
        }
    }

    fn looks_like(self, other: Self) -> bool {
        let (Paint::Of(one), Paint::Of(other)) = (self, other) else { return false };
        one.iter().zip(other).all(|(one, other)| one.abs_diff(other) <= CHANNEL_NEAR)
    }
}

/// Something other than text that was painted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Shape {
    /// Counts up in the order of painting, texts included.
    pub order: u32,
    /// Around all of it, as far as it was not clipped away.
    pub area: Area,
    pub kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Kind {
    /// All of the area, in one colour that lets nothing through.
    Solid(Paint),
    /// Some of the area.
    Partial(Paint),
    Image,
}

/// A run of text as it was painted.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Run {
    pub order: u32,
    /// Around all of it; what is known of it before its characters are looked at.
    pub area: Area,
    /// Where painting it had an effect.
    pub clip: Area,
    /// Its letters' fill and outline; both `None` where neither is painted, as in the text layer of a scan.
    pub paint: [Option<Paint>; 2],
    /// Displayed size of its type in points.
    pub size: f32,
}

/// Everything painted on a page but its text, in the order of painting, and the part of the page that is displayed.
#[derive(Debug)]
pub(super) struct Sight {
    pub page: Area,
    pub shapes: Vec<Shape>,
}

/// What can be said of a run of text before its characters are looked at.
#[derive(Debug, PartialEq)]
pub(super) enum Seen {
    Whole,
    Nothing,
    /// It depends on where each stands; these shapes touch the run.
    ByPlace(Vec<Shape>),
}

impl Sight {
    /// What can be said of all of a run at once, which is nearly always enough.
    pub(super) fn of_run(&self, run: &Run) -> Seen {
        let is_small = run.size < SIZE_POINTS_MIN && run.area[3] - run.area[1] < SIZE_POINTS_MIN;
        if is_small || !touch(self.page, run.area) || !touch(run.clip, run.area) {
            return Seen::Nothing;
        }
        let is_inside = holds(self.page, run.area) && holds(run.clip, run.area);
        let near: Vec<Shape> =
            self.shapes.iter().filter(|shape| touch(shape.area, run.area)).copied().collect();
        if is_inside && near.iter().all(|shape| holds(shape.area, run.area)) {
            return if self.is_seen(run, run.area, &near) { Seen::Whole } else { Seen::Nothing };
        }
        Seen::ByPlace(near)
    }

    /// Whether a reader sees what stands in `area`; `near` are the shapes that touch the run.
    pub(super) fn is_seen(&self, run: &Run, area: Area, near: &[Shape]) -> bool {
        let centre = [f32::midpoint(area[0], area[2]), f32::midpoint(area[1], area[3])];
        let centre = [centre[0], centre[1], centre[0], centre[1]];
        if !holds(self.page, centre) || !holds(run.clip, centre) {
            return false;
        }
        let here = || near.iter().filter(|shape| holds(shape.area, centre));
        // Over or under a picture anything may be seen: a scan shows the words that its text layer only names.
        if here().any(|shape| shape.kind == Kind::Image) {
            return true;
        }
        let is_covered = |shape: &Shape| {
            shape.order > run.order && matches!(shape.kind, Kind::Solid(_)) && holds(shape.area, core(area))
        };
        !near.iter().any(is_covered)
            && run.paint.iter().flatten().any(|paint| stands_out(*paint, run.order, here()))
    }
}

/// Whether a letter of this paint differs from anything that may be behind it.
fn stands_out<'a>(paint: Paint, order: u32, here: impl DoubleEndedIterator<Item = &'a Shape>) -> bool {
    for shape in here.rev().filter(|shape| shape.order < order) {
        match shape.kind {
            Kind::Solid(behind) => return !paint.looks_like(behind),
            Kind::Partial(behind) if !paint.looks_like(behind) => return true,
            Kind::Partial(_) | Kind::Image => {}
        }
    }
    !paint.looks_like(PAPER)
}

/// Whether `inner` lies within `outer`, but for what rounding adds.
fn holds(outer: Area, inner: Area) -> bool {
    const NEAR: f32 = 0.01;
    outer[0] <= inner[0] + NEAR
        && outer[1] <= inner[1] + NEAR
        && outer[2] >= inner[2] - NEAR
        && outer[3] >= inner[3] - NEAR
}

fn touch(one: Area, other: Area) -> bool {
    one[0] <= other[2] && other[0] <= one[2] && one[1] <= other[3] && other[1] <= one[3]
}

/// The part of a character's box that its strokes fill.
fn core(area: Area) -> Area {
    let [across, up] = [(area[2] - area[0]) * UNCOVERED_MAX, (area[3] - area[1]) * UNCOVERED_MAX];
    [area[0] + across, area[1] + up, area[2] - across, area[3] - up]
}

/// What lies in both; an area without any extent where they do not meet.
pub(super) fn overlap(one: Area, other: Area) -> Area {
    let low = [one[0].max(other[0]), one[1].max(other[1])];
    [low[0], low[1], one[2].min(other[2]).max(low[0]), one[3].min(other[3]).max(low[1])]
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: Area = [0.0, 0.0, 600.0, 800.0];
    const LINE: Area = [100.0, 100.0, 200.0, 110.0];
    const BLACK: Option<Paint> = Some(Paint::Of([0; 3]));
    const WHITE: Option<Paint> = Some(Paint::Of([255; 3]));

    fn run(paint: Option<Paint>) -> Run {
        Run { order: 5, area: LINE, clip: PAGE, paint: [paint, None], size: 10.0 }
    }

    fn shape(order: u32, area: Area, kind: Kind) -> Shape {
        Shape { order, area, kind }
    }

    fn seen(run: &Run, shapes: &[Shape]) -> Seen {
        Sight { page: PAGE, shapes: shapes.to_vec() }.of_run(run)
    }

    #[test]
    fn ink_on_paper_is_seen() {
        assert_eq!(seen(&run(BLACK), &[]), Seen::Whole);
        assert_eq!(seen(&run(Some(Paint::Of([200; 3]))), &[]), Seen::Whole);
        assert_eq!(seen(&run(Some(Paint::Unknown)), &[]), Seen::Whole);
    }

    #[test]
    fn paper_on_paper_is_not() {
        assert_eq!(seen(&run(WHITE), &[]), Seen::Nothing);
        assert_eq!(seen(&run(Some(Paint::Of([240, 245, 250]))), &[]), Seen::Nothing);
        assert_eq!(seen(&Run { paint: [WHITE, BLACK], ..run(None) }, &[]), Seen::Whole, "an outline is seen");
    }

    #[test]
    fn white_letters_on_a_dark_field_are_seen_and_dark_ones_are_not() {
        let field = [shape(1, PAGE, Kind::Solid(Paint::Of([10, 10, 20])))];
        assert_eq!(seen(&run(WHITE), &field), Seen::Whole);
        assert_eq!(seen(&run(BLACK), &field), Seen::Nothing);
        let again = [field[0], shape(2, LINE, Kind::Solid(Paint::Of([255; 3])))];
        assert_eq!(seen(&run(WHITE), &again), Seen::Nothing);
        // A frame or a drawing fills its box in part: the letters must differ from both to be sure, from one to be seen.
        let frame = [shape(1, PAGE, Kind::Partial(Paint::Of([0; 3])))];
        assert_eq!(seen(&run(BLACK), &frame), Seen::Whole);
        assert_eq!(seen(&run(WHITE), &[shape(1, PAGE, Kind::Partial(Paint::Of([255; 3])))]), Seen::Nothing);
    }

    #[test]
    fn a_field_that_ends_within_a_line_is_looked_at_letter_by_letter() {
        let field = shape(1, [150.0, 90.0, 300.0, 120.0], Kind::Solid(Paint::Of([0; 3])));
        let sight = Sight { page: PAGE, shapes: vec![field] };
        let Seen::ByPlace(near) = sight.of_run(&run(WHITE)) else { panic!("it depends") };
        assert!(!sight.is_seen(&run(WHITE), [110.0, 100.0, 116.0, 108.0], &near));
        assert!(sight.is_seen(&run(WHITE), [160.0, 100.0, 166.0, 108.0], &near));
    }

    #[test]
    fn unpainted_text_is_seen_over_a_picture_only() {
        let scan = |order| [shape(order, PAGE, Kind::Image)];
        assert_eq!(seen(&run(None), &[]), Seen::Nothing);
        assert_eq!(seen(&run(None), &scan(1)), Seen::Whole);
        assert_eq!(seen(&run(BLACK), &scan(9)), Seen::Whole, "the layer may lie under the picture");
    }

    #[test]
    fn what_is_painted_over_is_not_seen_and_what_is_struck_through_is() {
        let bar = |area| [shape(9, area, Kind::Solid(Paint::Of([0; 3])))];
        assert_eq!(seen(&run(BLACK), &bar(PAGE)), Seen::Nothing);
        let strike = [90.0, 104.8, 210.0, 105.4];
        let sight = Sight { page: PAGE, shapes: bar(strike).to_vec() };
        let Seen::ByPlace(near) = sight.of_run(&run(BLACK)) else { panic!("it depends") };
        assert!(sight.is_seen(&run(BLACK), [110.0, 100.0, 116.0, 108.0], &near));
        assert_eq!(seen(&run(BLACK), &[shape(9, PAGE, Kind::Partial(Paint::Unknown))]), Seen::Whole);
    }

    #[test]
    fn what_is_off_the_page_clipped_away_or_dust_is_not_seen() {
        assert_eq!(seen(&Run { area: [-90.0, 100.0, -10.0, 110.0], ..run(BLACK) }, &[]), Seen::Nothing);
        assert_eq!(seen(&Run { clip: [0.0; 4], ..run(BLACK) }, &[]), Seen::Nothing);
        let dust = Run { area: [100.0, 100.0, 120.0, 101.0], size: 1.0, ..run(BLACK) };
        assert_eq!(seen(&dust, &[]), Seen::Nothing);
        assert_eq!(seen(&Run { size: 1.0, ..run(BLACK) }, &[]), Seen::Whole, "the font's own units differ");
    }

    #[test]
    fn thin_paint_is_none_and_half_thin_paint_is_unknown() {
        assert_eq!(Paint::new(Some([0; 3]), 2.0), None);
        assert_eq!(Paint::new(Some([0; 3]), 128.0), Some(Paint::Unknown));
        assert_eq!(Paint::new(Some([0; 3]), 255.0), BLACK);
        assert_eq!(Paint::new(None, 255.0), Some(Paint::Unknown));
    }
}
