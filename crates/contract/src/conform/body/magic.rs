//! What files of well-known media types begin with, so that a file which is declared to be a picture is not something else.
//! Only the first bytes are held against the type; nothing is said about what follows them.

use crate::conform::media_type::MediaType;

/// How many bytes of a file are needed.
pub const START_BYTES: usize = 16;

/// Media types and the bytes, at an offset, that a file of the type has; any of them is enough.
type Signature = (&'static str, &'static str, &'static [(usize, &'static [u8])]);

const ZIP: &[(usize, &[u8])] = &[(0, b"PK\x03\x04"), (0, b"PK\x05\x06")];
const JPEG: &[(usize, &[u8])] = &[(0, b"\xff\xd8\xff")];
const GZIP: &[(usize, &[u8])] = &[(0, b"\x1f\x8b\x08")];
const ISO_MEDIA: &[(usize, &[u8])] = &[(4, b"ftyp")];
const MATROSKA: &[(usize, &[u8])] = &[(0, b"\x1a\x45\xdf\xa3")];
const OGG: &[(usize, &[u8])] = &[(0, b"OggS")];
const OLE: &[(usize, &[u8])] = &[(0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")];
const MP3: &[(usize, &[u8])] = &[(0, b"ID3"), (0, b"\xff\xfb"), (0, b"\xff\xf3"), (0, b"\xff\xf2")];

const SIGNATURES: &[Signature] = &[
    ("image", "png", &[(0, b"\x89PNG\r\n\x1a\n")]),
    ("image", "jpeg", JPEG),
    ("image", "jpg", JPEG),
    ("image", "gif", &[(0, b"GIF87a"), (0, b"GIF89a")]),
    ("image", "webp", &[(8, b"WEBP")]),
    ("image", "bmp", &[(0, b"BM")]),
    ("image", "tiff", &[(0, b"II*\0"), (0, b"MM\0*")]),
    ("image", "avif", ISO_MEDIA),
    ("image", "heic", ISO_MEDIA),
    ("image", "heif", ISO_MEDIA),
    ("image", "vnd.microsoft.icon", &[(0, b"\0\0\x01\0")]),
    ("image", "x-icon", &[(0, b"\0\0\x01\0")]),
    ("video", "mp4", ISO_MEDIA),
    (
        "video",
        "quicktime",
        &[(4, b"ftyp"), (4, b"moov"), (4, b"mdat"), (4, b"wide"), (4, b"free")],
    ),
    ("video", "webm", MATROSKA),
    ("video", "x-matroska", MATROSKA),
    ("video", "ogg", OGG),
    ("audio", "ogg", OGG),
    ("audio", "mp4", ISO_MEDIA),
    ("audio", "webm", MATROSKA),
    ("audio", "mpeg", MP3),
    ("audio", "flac", &[(0, b"fLaC")]),
    ("audio", "wav", &[(8, b"WAVE")]),
    ("font", "woff", &[(0, b"wOFF")]),
    ("font", "woff2", &[(0, b"wOF2")]),
    ("application", "pdf", &[(0, b"%PDF-")]),
    ("application", "zip", ZIP),
    ("application", "x-zip-compressed", ZIP),
    ("application", "epub+zip", ZIP),
    ("application", "java-archive", ZIP),
    ("application", "gzip", GZIP),
    ("application", "x-gzip", GZIP),
    ("application", "zstd", &[(0, b"\x28\xb5\x2f\xfd")]),
    ("application", "x-7z-compressed", &[(0, b"7z\xbc\xaf\x27\x1c")]),
    ("application", "x-bzip2", &[(0, b"BZh")]),
    ("application", "x-xz", &[(0, b"\xfd7zXZ\0")]),
    ("application", "wasm", &[(0, b"\0asm")]),
    ("application", "vnd.sqlite3", &[(0, b"SQLite format 3\0")]),
    ("application", "msword", OLE),
    ("application", "vnd.ms-excel", OLE),
    ("application", "vnd.ms-powerpoint", OLE),
];

/// Office documents in ZIP archives.
const ZIPPED: [&str; 2] = ["vnd.openxmlformats-officedocument.", "vnd.oasis.opendocument."];

fn signature(media_type: &MediaType) -> Option<&'static [(usize, &'static [u8])]> {
    let (main, sub) = media_type.essence();
    if main == "application" && ZIPPED.iter().any(|prefix| sub.starts_with(prefix)) {
        return Some(ZIP);
    }
    let known = SIGNATURES.iter().find(|known| (known.0, known.1) == (main, sub));
    known.map(|(_, _, starts)| *starts)
}

/// Whether anything is known of a media type.
pub fn is_known(media_type: &MediaType) -> bool {
    signature(media_type).is_some()
}

/// Whether a file that begins with `start` (its first [`START_BYTES`], or all of a shorter one) can be of this media type;
/// nothing where nothing is known of it.
pub fn fits(media_type: &MediaType, start: &[u8]) -> Option<bool> {
    let starts = signature(media_type)?;
    let has = |(offset, bytes): &(usize, &[u8])| start.get(*offset..).is_some_and(|rest| rest.starts_with(bytes));
    Some(starts.iter().any(has))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_begin_as_their_types_say() {
        let check = |media_type: &str, start: &[u8], expected: Option<bool>| {
            let media_type = MediaType::parse(media_type).unwrap();
            assert_eq!(fits(&media_type, start), expected, "{media_type:?} {start:?}");
        };
        check("image/png", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", Some(true));
        check("image/png", b"<?php system($_GET", Some(false));
        check("image/png", b"\x89PN", Some(false));
        check("image/png", b"", Some(false));
        check("IMAGE/JPEG; q=1", b"\xff\xd8\xff\xe0", Some(true));
        check("image/webp", b"RIFF\0\0\0\0WEBPVP8 ", Some(true));
        check("image/webp", b"RIFF\0\0\0\0WAVEfmt ", Some(false));
        check("video/mp4", b"\0\0\0 ftypisom\0\0\0\0", Some(true));
        check("application/pdf", b"%PDF-1.7", Some(true));
        check("application/vnd.oasis.opendocument.text", b"PK\x03\x04", Some(true));
        check("application/octet-stream", b"anything", None);
        check("text/csv", b"a,b", None);
    }

    #[test]
    fn no_signature_needs_more_than_is_kept() {
        for (main, sub, starts) in SIGNATURES {
            for (offset, bytes) in *starts {
                assert!(offset + bytes.len() <= START_BYTES, "{main}/{sub}");
            }
        }
    }
}
