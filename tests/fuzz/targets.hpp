// The functions called by a fuzzer. Each aborts if a property does not hold.
#pragma once

#include <cstddef>
#include <cstdint>

namespace mole::runtime::test {

// Decodes the bytes as a bzip2 block: the interleaved decoder and libbzip2 agree, even after its checksum is corrected.
void fuzz_block(const std::uint8_t* data, std::size_t size);

// Decodes the bytes as a .bz2 file: libbzip2 in one thread and the interleaved decoder in three threads give the same content and
// losses, within the output limit.
void fuzz_content(const std::uint8_t* data, std::size_t size);

// Decodes the bytes as a file of gzip, xz, zstd, lz4, lzip or lzma streams: reads of any size give the same content and losses,
// within the output limit.
void fuzz_compressed(const std::uint8_t* data, std::size_t size);

// Decodes the bytes as content of a v5 file, cut into chunks with gaps: offsets and rows stay in range, and every byte
// is either read or reported as lost.
void fuzz_netflow5(const std::uint8_t* data, std::size_t size);

// Decodes the bytes as content of an nfcapd file, cut into chunks with gaps: every flow is reported once, and offsets stay in
// range.
void fuzz_nfcapd(const std::uint8_t* data, std::size_t size);

// Decode the bytes as a stream of NetFlow v1 and v7, NetFlow v9 or IPFIX, or as a capture, cut into chunks with gaps: any chunks
// give the same flows and reports, every flow is reported once, and offsets stay in range.
void fuzz_netflow1_7(const std::uint8_t* data, std::size_t size);
void fuzz_netflow9(const std::uint8_t* data, std::size_t size);
void fuzz_ipfix(const std::uint8_t* data, std::size_t size);
void fuzz_pcap(const std::uint8_t* data, std::size_t size);

// Decodes the bytes as a table of flows in lines, cut into chunks with gaps: any chunks give the same flows and reports.
void fuzz_csv(const std::uint8_t* data, std::size_t size);

// Decodes the bytes as a Parquet file of flows: every flow is reported once.
void fuzz_parquet(const std::uint8_t* data, std::size_t size);

}  // namespace mole::runtime::test
