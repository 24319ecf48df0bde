//! What libpdfium painted on a page and in which order, so that it can be told which text a reader sees. One walk over the
//! page's objects; text is looked at run by run, and letter by letter only where a run is partly hidden.

use std::collections::HashMap;
use std::ffi::{c_int, c_uint, c_ulong};
use std::ptr::NonNull;

use super::functions::{Functions, Handle, Matrix};
use crate::pdf::sight::{Area, Kind, Paint, Run, Seen, Shape, Sight, overlap};

/// Forms within forms beyond this depth are not looked into; what they hold counts as seen.
const DEPTH_MAX: u32 = 12;

/// `FPDF_PAGEOBJ_…`.
const TEXT: c_int = 1;
const PATH: c_int = 2;
const IMAGE: c_int = 3;
const SHADING: c_int = 4;
const FORM: c_int = 5;

/// `FPDF_SEGMENT_LINETO` and `FPDF_SEGMENT_MOVETO`.
const LINE_TO: c_int = 0;
const MOVE_TO: c_int = 2;

const EVERYWHERE: Area = [f32::MIN, f32::MIN, f32::MAX, f32::MAX];
const UPRIGHT: Matrix = Matrix { a: 1.0, b: 0.0, c: 0.0, d: 1.0, e: 0.0, f: 0.0 };

/// All that was painted on a page.
pub(super) struct Painted<'d> {
    call: &'d Functions,
    sight: Sight,
    /// By the object's address.
    texts: HashMap<usize, Place>,
    /// The run that was asked for last: its letters come one after the other.
    last: Option<(Handle, Run, Seen)>,
    order: u32,
}

/// Where a run of text stands among what was painted.
#[derive(Clone, Copy)]
struct Place {
    order: u32,
    area: Area,
    clip: Area,
    /// Of the forms around it, 0 to 1.
    opacity: f32,
}

/// What the forms around an object do to it.
#[derive(Clone, Copy)]
struct Within {
    matrix: Matrix,
    clip: Area,
    opacity: f32,
    is_blended: bool,
    depth: u32,
}

impl<'d> Painted<'d> {
    /// Walks over the objects of an open page, of which `shown` is displayed.
    pub(super) fn on(call: &'d Functions, page: NonNull<std::ffi::c_void>, shown: Option<Area>) -> Self {
        let sight = Sight { page: shown.unwrap_or(EVERYWHERE), shapes: Vec::new() };
        let mut painted = Painted { call, sight, texts: HashMap::new(), last: None, order: 0 };
        let within = Within { matrix: UPRIGHT, clip: EVERYWHERE, opacity: 1.0, is_blended: false, depth: 0 };
        // SAFETY: the page is open; an index outside it gives null.
        unsafe {
            for index in 0..(call.count_objects)(page.as_ptr()) {
                painted.add((call.object)(page.as_ptr(), index), within);
            }
        }
        painted
    }

    /// Whether a reader sees the character at `position` of the page's text, which stands in `area`. What the library added,
    /// spaces and line ends, belongs to no run: `None`.
    pub(super) fn shows(&mut self, text: Handle, position: c_int, area: Option<Area>) -> Option<bool> {
        // SAFETY: the text is open; a position outside it gives null.
        let object = unsafe { (self.call.text_object)(text, position) };
        if object.is_null() {
            return None;
        }
        if self.last.as_ref().is_none_or(|(last, ..)| *last != object) {
            let run = self.run(text, position, object);
            let seen = self.sight.of_run(&run);
            self.last = Some((object, run, seen));
        }
        let (_, run, seen) = self.last.as_ref()?;
        Some(match seen {
            Seen::Whole => true,
            Seen::Nothing => false,
            Seen::ByPlace(near) => area.is_none_or(|area| self.sight.is_seen(run, area, near)),
        })
    }

    fn run(&self, text: Handle, position: c_int, object: Handle) -> Run {
        let unplaced = Place { order: u32::MAX, area: EVERYWHERE, clip: EVERYWHERE, opacity: 1.0 };
        let place = self.texts.get(&object.addr()).copied().unwrap_or(unplaced);
        let (mut matrix, mut size) = (UPRIGHT, f32::MAX);
        // SAFETY: object and text are open; the results go to the stack, and stay as they are after a fault.
        let mode = unsafe {
            (self.call.text_matrix)(text, position, &raw mut matrix);
            (self.call.font_size)(object, &raw mut size);
            (self.call.render_mode)(object)
        };
        let across = matrix.a.hypot(matrix.b).min(matrix.c.hypot(matrix.d));
        let fill =
            (mode < 0 || matches!(mode, 0 | 2 | 4 | 6)).then(|| self.fill(object, place.opacity)).flatten();
        let stroke = matches!(mode, 1 | 2 | 5 | 6).then(|| self.stroke(object, place.opacity)).flatten();
        Run {
            order: place.order,
            area: place.area,
            clip: place.clip,
            paint: [fill, stroke],
            size: size.abs() * across,
        }
    }

    fn add(&mut self, object: Handle, within: Within) {
        if object.is_null() {
            return;
        }
        self.order += 1;
        let order = self.order;
        let clip = overlap(within.clip, self.clip(object, within.matrix));
        let bounds = self.bounds(object).map(|bounds| moved(within.matrix, bounds));
        let area = bounds.map(|bounds| overlap(bounds, clip));
        // SAFETY: the object is open with its page.
        let kind = match unsafe { (self.call.object_type)(object) } {
            TEXT => {
                let area = bounds.unwrap_or(EVERYWHERE);
                let place = Place { order, area, clip, opacity: within.opacity };
                self.texts.insert(object.addr(), place);
                None
            }
            PATH => self.path(object, within),
            IMAGE => Some(Kind::Image),
            SHADING => Some(Kind::Partial(Paint::Unknown)),
            FORM => {
                self.form(object, Within { clip, ..within });
                None
            }
            _ => None,
        };
        if let (Some(kind), Some(area)) = (kind, area)
            && area[0] < area[2]
            && area[1] < area[3]
        {
            self.sight.shapes.push(Shape { order, area, kind });
        }
    }

    fn form(&mut self, form: Handle, within: Within) {
        if within.depth >= DEPTH_MAX {
            return;
        }
        let alpha = self.alpha(form);
        let within = Within {
            matrix: product(self.matrix(form), within.matrix),
            opacity: within.opacity * alpha,
            // SAFETY: the form is open with its page.
            is_blended: within.is_blended || unsafe { (self.call.has_transparency)(form) } != 0,
            depth: within.depth + 1,
            ..within
        };
        // SAFETY: as above; an index outside it gives null.
        unsafe {
            let count = c_ulong::try_from((self.call.count_form_objects)(form)).unwrap_or(0);
            for index in 0..count {
                self.add((self.call.form_object)(form, index), within);
            }
        }
    }

    /// What filling a path painted; lines alone hide nothing.
    fn path(&self, path: Handle, within: Within) -> Option<Kind> {
        let (mut fill, mut stroke) = (0, 0);
        // SAFETY: the path is open with its page; the results go to the stack.
        let is_filled =
            unsafe { (self.call.draw_mode)(path, &raw mut fill, &raw mut stroke) } != 0 && fill != 0;
        let paint = is_filled.then(|| self.fill(path, within.opacity)).flatten()?;
        // SAFETY: as above.
        let segments = unsafe { (self.call.count_segments)(path) };
        // SAFETY: as above; an index outside it gives null.
        let segment = |index| unsafe { (self.call.segment)(path, index) };
        let is_whole = self.is_rectangle(segments, segment)
            && is_upright(self.matrix(path))
            && is_upright(within.matrix)
            && !within.is_blended
            // SAFETY: as above.
            && unsafe { (self.call.has_transparency)(path) } == 0;
        Some(if is_whole && paint != Paint::Unknown { Kind::Solid(paint) } else { Kind::Partial(paint) })
    }

    /// The rectangle that an object's clip leaves, or one around it.
    fn clip(&self, object: Handle, matrix: Matrix) -> Area {
        // SAFETY: the object is open with its page; an object without a clip gives null or -1.
        let clip = unsafe { (self.call.clip_path)(object) };
        if clip.is_null() {
            return EVERYWHERE;
        }
        // SAFETY: as above.
        let paths = unsafe { (self.call.count_clips)(clip) };
        (0..paths).fold(EVERYWHERE, |left, path| {
            // SAFETY: as above.
            let segments = unsafe { (self.call.count_clip_segments)(clip, path) };
            // SAFETY: as above.
            let points = (0..segments)
                .filter_map(|at| self.point(unsafe { (self.call.clip_segment)(clip, path, at) }));
            let around = points.fold(None, |around: Option<Area>, [x, y]| {
                let [left, bottom, right, top] = around.unwrap_or([x, y, x, y]);
                Some([left.min(x), bottom.min(y), right.max(x), top.max(y)])
            });
            around.map_or(left, |around| overlap(left, moved(matrix, around)))
        })
    }

    /// Whether these segments draw a rectangle whose sides are the axes'.
    fn is_rectangle(&self, count: c_int, segment: impl Fn(c_int) -> Handle) -> bool {
        if !(4..=5).contains(&count) {
            return false;
        }
        let mut points: Vec<[f32; 2]> = Vec::with_capacity(5);
        for index in 0..count {
            let segment = segment(index);
            // SAFETY: the segment is open with its page, or null.
            let kind = unsafe { (self.call.segment_type)(segment) };
            let Some(point) = self.point(segment) else { return false };
            if kind != if index == 0 { MOVE_TO } else { LINE_TO } {
                return false;
            }
            points.push(point);
        }
        let near = |one: f32, other: f32| (one - other).abs() < 0.001;
        let [first, second, third, fourth] = [0, 1, 2, 3].map(|corner| points[corner]);
        let closes = points.get(4).is_none_or(|last| near(last[0], first[0]) && near(last[1], first[1]));
        let goes = |along: usize, across: usize| {
            near(first[across], second[across])
                && near(second[along], third[along])
                && near(third[across], fourth[across])
                && near(fourth[along], first[along])
        };
        closes && (goes(0, 1) || goes(1, 0))
    }

    fn point(&self, segment: Handle) -> Option<[f32; 2]> {
        let (mut x, mut y) = (0.0, 0.0);
        // SAFETY: the segment is open with its page, or null, which is refused; the results go to the stack.
        (unsafe { (self.call.segment_point)(segment, &raw mut x, &raw mut y) } != 0).then_some([x, y])
    }

    fn bounds(&self, object: Handle) -> Option<Area> {
        let [mut left, mut bottom, mut right, mut top] = [0.0; 4];
        // SAFETY: the object is open with its page; the results go to the stack.
        let known = unsafe {
            (self.call.object_bounds)(object, &raw mut left, &raw mut bottom, &raw mut right, &raw mut top)
        };
        let area = [left, bottom, right, top];
        (known != 0 && area.iter().all(|side| side.is_finite())).then_some(area)
    }

    fn matrix(&self, object: Handle) -> Matrix {
        let mut matrix = UPRIGHT;
        // SAFETY: the object is open with its page; the result goes to the stack, and stays as it is after a fault.
        unsafe { (self.call.object_matrix)(object, &raw mut matrix) };
        matrix
    }

    fn fill(&self, object: Handle, opacity: f32) -> Option<Paint> {
        paint(self.call.fill_colour, object, opacity)
    }

    fn stroke(&self, object: Handle, opacity: f32) -> Option<Paint> {
        paint(self.call.stroke_colour, object, opacity)
    }

    fn alpha(&self, form: Handle) -> f32 {
        colour_of(self.call.fill_colour, form).map_or(1.0, |[.., alpha]| f32::from(alpha) / 255.0)
    }
}

fn paint(colour: Colour, object: Handle, opacity: f32) -> Option<Paint> {
    let found = colour_of(colour, object);
    let alpha = found.map_or(255, |[.., alpha]| alpha);
    Paint::new(found.map(|[red, green, blue, _]| [red, green, blue]), f32::from(alpha) * opacity)
}

type Colour = unsafe extern "C" fn(Handle, *mut c_uint, *mut c_uint, *mut c_uint, *mut c_uint) -> c_int;

/// Red, green, blue, opacity; `None` for a pattern.
fn colour_of(colour: Colour, object: Handle) -> Option<[u8; 4]> {
    let [mut red, mut green, mut blue, mut alpha] = [0; 4];
    // SAFETY: the object is open with its page; the results go to the stack.
    let known = unsafe { colour(object, &raw mut red, &raw mut green, &raw mut blue, &raw mut alpha) };
    (known != 0).then(|| [red, green, blue, alpha].map(|part| u8::try_from(part).unwrap_or(u8::MAX)))
}

fn is_upright(matrix: Matrix) -> bool {
    (matrix.b == 0.0 && matrix.c == 0.0) || (matrix.a == 0.0 && matrix.d == 0.0)
}

/// First one, then the other.
fn product(one: Matrix, other: Matrix) -> Matrix {
    Matrix {
        a: one.a * other.a + one.b * other.c,
        b: one.a * other.b + one.b * other.d,
        c: one.c * other.a + one.d * other.c,
        d: one.c * other.b + one.d * other.d,
        e: one.e * other.a + one.f * other.c + other.e,
        f: one.e * other.b + one.f * other.d + other.f,
    }
}

/// The area around what a matrix makes of an area.
fn moved(matrix: Matrix, area: Area) -> Area {
    if matrix == UPRIGHT {
        return area;
    }
    let corners = [[0, 1], [0, 3], [2, 1], [2, 3]].map(|[x, y]| {
        let (x, y) = (area[x], area[y]);
        [matrix.a * x + matrix.c * y + matrix.e, matrix.b * x + matrix.d * y + matrix.f]
    });
    corners.iter().fold([f32::MAX, f32::MAX, f32::MIN, f32::MIN], |around, [x, y]| {
        [around[0].min(*x), around[1].min(*y), around[2].max(*x), around[3].max(*y)]
    })
}
