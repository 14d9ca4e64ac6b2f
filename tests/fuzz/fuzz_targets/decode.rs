#![no_main]
//! Compressed pages: what is read is what another decoder reads, however it comes, a little at a
//! time, and in bounded memory.
//!
//! The input is a byte that says which coding, and whether the rest is yet to be compressed; one
//! that says how it is cut; and the page.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    io::{Read, Write},
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
};

use flate2::{Compression, read, write};
use libfuzzer_sys::fuzz_target;
use livers::fuzzing::decoded;
use livers_fuzz::pieces;

/// How much of a page is read.
const MOST: usize = 1 << 20;
/// How much memory that may need. Brotli's largest window has 16 MiB.
const MEMORY: usize = 40 << 20;

/// Counts what is in use, and the most that ever was.
struct Counting;

static USED: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        PEAK.fetch_max(USED.fetch_add(layout.size(), Relaxed) + layout.size(), Relaxed);
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        PEAK.fetch_max(USED.fetch_add(layout.size(), Relaxed) + layout.size(), Relaxed);
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        USED.fetch_sub(layout.size(), Relaxed);
        unsafe { System.dealloc(place, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn compressed(coding: &str, page: &[u8]) -> Vec<u8> {
    if coding == "gzip" {
        let mut encoder = write::GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(page).unwrap();
        encoder.finish().unwrap()
    } else {
        let mut encoder = write::ZlibEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(page).unwrap();
        encoder.finish().unwrap()
    }
}

/// The first bytes of a page by a decoder that has all of it; nothing where it is broken.
fn by_other_means(coding: &str, bytes: &[u8]) -> Option<Vec<u8>> {
    let decoder: Box<dyn Read> = match coding {
        // A label on nothing.
        _ if bytes.is_empty() => Box::new(bytes),
        "gzip" => Box::new(read::MultiGzDecoder::new(bytes)),
        // RFC 1950, section 2.2.
        _ if bytes[0] & 0x8f == 8 => Box::new(read::ZlibDecoder::new(bytes)),
        _ => Box::new(read::DeflateDecoder::new(bytes)),
    };
    let mut page = Vec::new();
    decoder.take(MOST as u64).read_to_end(&mut page).ok().map(|_| page)
}

fuzz_target!(|input: &[u8]| {
    let [how, cut, page @ ..] = input else { return };
    let coding = ["gzip", "deflate", "br"][usize::from(how % 3)];
    let made = how / 3 % 2 == 1 && coding != "br";
    let bytes = if made { compressed(coding, page) } else { page.to_vec() };
    let pieces: Vec<_> = pieces(&bytes, *cut).into_iter().map(<[u8]>::to_vec).collect();
    let (one, many) = (vec![bytes.clone()], pieces);

    let before = USED.load(Relaxed);
    PEAK.store(before, Relaxed);
    let (frames, broken) = decoded(many, coding, MOST);
    let length: usize = frames.iter().map(|frame| frame.len()).sum();
    let needed = (PEAK.load(Relaxed) - before).saturating_sub(2 * length);
    assert!(needed < MEMORY, "{needed} bytes of memory");
    assert!(frames.iter().all(|frame| (1..=32 * 1024).contains(&frame.len())));

    let text = &frames.concat()[..length.min(MOST)];
    if length <= MOST {
        let (whole, also) = decoded(one, coding, MOST);
        // Brotli's decoder overlooks some faults where much comes at once: `brotli-overlooked`.
        assert!(also == broken || coding == "br", "however it is cut");
        if !broken && !also {
            assert!(whole.concat() == text, "however it is cut");
        }
        assert!(!made || (!broken && text == page));
    }
    if coding != "br" && (length > MOST || !broken) {
        assert!(by_other_means(coding, &bytes).is_some_and(|other| other == text));
    }
});
