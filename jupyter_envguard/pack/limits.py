"""How much of anything a pack may hold: one frozen value, no number anywhere else.

A pack is written by strangers and read by root. Every limit below is far above
what the largest honest environments need and far below what hurts the machine.
"""

from __future__ import annotations

from dataclasses import dataclass

KIB = 1024
MIB = 1024 * KIB
GIB = 1024 * MIB


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The bounds within which a pack is read; each refusal names the one it met."""

    unpacked_bytes: int = 64 * GIB
    """Bytes of all content together. The largest CUDA environments hold about 20 GiB."""
    ratio: int = 200
    """Unpacked bytes per packed byte. Whole environments pack 2 to 6 times smaller, a bomb 1000 times."""
    ratio_free_bytes: int = 100 * MIB
    """Unpacked bytes before `ratio` counts, so that small packs may hold a file of zeros."""
    entries: int = 500_000
    """Members. A full data science environment has 50,000; each costs the store an inode."""
    name_bytes: int = 255
    """Bytes of one part of a path: what Linux file systems take."""
    path_bytes: int = 1024
    """Bytes of a whole path. Leaves room for the store's own path below PATH_MAX (4096)."""
    depth: int = 64
    """Parts of a path. Tools that walk trees recurse; honest trees are at most 20 deep."""
    link_bytes: int = 4096
    """Bytes of the text of a symbolic link: what the kernel takes."""
    links_bytes: int = 4 * MIB
    """Bytes of all link texts together, which bounds the time to follow them."""
    link_hops: int = 40
    """Symbolic links on the way to one file: where the kernel answers ELOOP."""
    header_bytes: int = MIB
    """Bytes of one extended header (pax, GNU long name), which must be held in memory."""
    headers_bytes: int = 256 * MIB
    """Bytes of all extended headers together: each costs time to parse and yields nothing."""
    pax_records: int = 256
    """Records in one pax header. conda-pack writes at most 8, archivers of attributes some dozen."""
    directory_bytes: int = 256 * MIB
    """Bytes of a zip's central directory, which must be held in memory: 500 for each entry."""
    padding_bytes: int = MIB
    """Zero bytes after the end of a tar. Writers pad to their record size, 10 KiB by default."""
    streams: int = 100_000
    """Compressed streams in a row. Parallel compressors write one for each block."""
    decoder_bytes: int = 128 * MIB
    """Memory that the pack may ask of a decoder: what `xz -9` (65 MiB) and `zstd --long` (128 MiB) need."""
    records: int = 5_000
    """Files `conda-meta/*.json`. Large environments have 600 packages."""
    record_bytes: int = 16 * MIB
    """Bytes of one conda record. A package of 30,000 files has 9 MiB."""
    record_values: int = 600_000
    """JSON values in one conda record, which bounds its size in memory."""
    records_bytes: int = 256 * MIB
    """Bytes of all conda records together."""
    json_depth: int = 32
    """How deeply JSON may nest. Conda records nest 4 deep."""
    text_bytes: int = 4 * MIB
    """Bytes of one captured text. The RECORD of a wheel with 30,000 files has 3 MiB."""
    texts_bytes: int = 64 * MIB
    """Bytes of all captured texts together, which are held in memory."""
    unpack_script_bytes: int = 64 * MIB
    """Bytes of conda-pack's `bin/conda-unpack`, which lists every text file that pip installed."""
    sightings: int = 100_000
    """Absolute paths remembered while the build prefix is not known yet; beyond it the pack is read again."""
