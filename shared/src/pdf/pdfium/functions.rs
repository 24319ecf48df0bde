//! The table of libpdfium's functions, each under its name in the library.

use std::ffi::{c_char, c_double, c_float, c_int, c_uint, c_ulong, c_void};

use libloading::Library;

pub(super) type Handle = *mut c_void;

/// `FPDF_LIBRARY_CONFIG` at version 2; later members are not read at that version.
#[repr(C)]
pub(super) struct Configuration {
    pub version: c_int,
    pub user_font_paths: *const *const c_char,
    pub isolate: *mut c_void,
    pub embedder_slot: c_uint,
}

/// `FS_MATRIX`: x' = a·x + c·y + e, y' = b·x + d·y + f.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Matrix {
    pub a: c_float,
    pub b: c_float,
    pub c: c_float,
    pub d: c_float,
    pub e: c_float,
    pub f: c_float,
}

/// Declares the table of functions and how it is filled, each under its name in the library.
macro_rules! functions {
    ($($name:ident = $symbol:literal : fn($($argument:ty),*) $(-> $result:ty)?;)*) => {
        pub(super) struct Functions { $(pub $name: unsafe extern "C" fn($($argument),*) $(-> $result)?),* }

        impl Functions {
            pub fn find(library: &Library) -> Result<Self, libloading::Error> {
                // SAFETY: the types are those of libpdfium's public headers, which it keeps stable; the
                // pointers are used only while `Pdfium` holds the library.
                unsafe { Ok(Functions { $($name: *library.get($symbol.to_bytes_with_nul())?),* }) }
            }
        }
    };
}

functions! {
    initialise = c"FPDF_InitLibraryWithConfig": fn(*const Configuration);
    destroy = c"FPDF_DestroyLibrary": fn();
    last_error = c"FPDF_GetLastError": fn() -> c_ulong;
    load_document = c"FPDF_LoadDocument": fn(*const c_char, *const c_char) -> Handle;
    close_document = c"FPDF_CloseDocument": fn(Handle);
    page_count = c"FPDF_GetPageCount": fn(Handle) -> c_int;
    load_page = c"FPDF_LoadPage": fn(Handle, c_int) -> Handle;
    close_page = c"FPDF_ClosePage": fn(Handle);
    page_width = c"FPDF_GetPageWidthF": fn(Handle) -> c_float;
    page_height = c"FPDF_GetPageHeightF": fn(Handle) -> c_float;
    page_to_device = c"FPDF_PageToDevice": fn(Handle, c_int, c_int, c_int, c_int, c_int, c_double, c_double, *mut c_int, *mut c_int) -> c_int;
    load_text = c"FPDFText_LoadPage": fn(Handle) -> Handle;
    close_text = c"FPDFText_ClosePage": fn(Handle);
    count_chars = c"FPDFText_CountChars": fn(Handle) -> c_int;
    unicode = c"FPDFText_GetUnicode": fn(Handle, c_int) -> c_uint;
    is_hyphen = c"FPDFText_IsHyphen": fn(Handle, c_int) -> c_int;
    is_generated = c"FPDFText_IsGenerated": fn(Handle, c_int) -> c_int;
    char_box = c"FPDFText_GetCharBox": fn(Handle, c_int, *mut c_double, *mut c_double, *mut c_double, *mut c_double) -> c_int;
    text_object = c"FPDFText_GetTextObject": fn(Handle, c_int) -> Handle;
    text_matrix = c"FPDFText_GetMatrix": fn(Handle, c_int, *mut Matrix) -> c_int;
    font_size = c"FPDFTextObj_GetFontSize": fn(Handle, *mut c_float) -> c_int;
    render_mode = c"FPDFTextObj_GetTextRenderMode": fn(Handle) -> c_int;
    count_objects = c"FPDFPage_CountObjects": fn(Handle) -> c_int;
    object = c"FPDFPage_GetObject": fn(Handle, c_int) -> Handle;
    count_form_objects = c"FPDFFormObj_CountObjects": fn(Handle) -> c_int;
    form_object = c"FPDFFormObj_GetObject": fn(Handle, c_ulong) -> Handle;
    object_type = c"FPDFPageObj_GetType": fn(Handle) -> c_int;
    object_bounds = c"FPDFPageObj_GetBounds": fn(Handle, *mut c_float, *mut c_float, *mut c_float, *mut c_float) -> c_int;
    object_matrix = c"FPDFPageObj_GetMatrix": fn(Handle, *mut Matrix) -> c_int;
    has_transparency = c"FPDFPageObj_HasTransparency": fn(Handle) -> c_int;
    fill_colour = c"FPDFPageObj_GetFillColor": fn(Handle, *mut c_uint, *mut c_uint, *mut c_uint, *mut c_uint) -> c_int;
    stroke_colour = c"FPDFPageObj_GetStrokeColor": fn(Handle, *mut c_uint, *mut c_uint, *mut c_uint, *mut c_uint) -> c_int;
    draw_mode = c"FPDFPath_GetDrawMode": fn(Handle, *mut c_int, *mut c_int) -> c_int;
    count_segments = c"FPDFPath_CountSegments": fn(Handle) -> c_int;
    segment = c"FPDFPath_GetPathSegment": fn(Handle, c_int) -> Handle;
    segment_point = c"FPDFPathSegment_GetPoint": fn(Handle, *mut c_float, *mut c_float) -> c_int;
    segment_type = c"FPDFPathSegment_GetType": fn(Handle) -> c_int;
    clip_path = c"FPDFPageObj_GetClipPath": fn(Handle) -> Handle;
    count_clips = c"FPDFClipPath_CountPaths": fn(Handle) -> c_int;
    count_clip_segments = c"FPDFClipPath_CountPathSegments": fn(Handle, c_int) -> c_int;
    clip_segment = c"FPDFClipPath_GetPathSegment": fn(Handle, c_int, c_int) -> Handle;
}
