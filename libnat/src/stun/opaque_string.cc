#include <algorithm>
#include <array>
#include <cstdint>
#include <iterator>

#include "natkit/base/bytes.h"
#include "natkit/nat/stun_credentials.h"

namespace natkit::stun {

namespace {

struct Range {
  char32_t first;
  char32_t last;
};

/// Characters outside ASCII of PRECIS' FreeformClass (RFC 8264 section 4.3)
/// that are their own form C, have combining class 0 and compose with nothing
/// before them, so that text of them alone is normalized (Unicode 14).
constexpr std::array kStable = {
    Range{0x00A1, 0x00AC},   Range{0x00AE, 0x00B6},   Range{0x00B8, 0x02FF},
    Range{0x0370, 0x0373},   Range{0x0376, 0x0377},   Range{0x037A, 0x037D},
    Range{0x037F, 0x037F},   Range{0x0384, 0x0386},   Range{0x0388, 0x038A},
    Range{0x038C, 0x038C},   Range{0x038E, 0x03A1},   Range{0x03A3, 0x0482},
    Range{0x0488, 0x052F},   Range{0x0531, 0x0556},   Range{0x0559, 0x058A},
    Range{0x058D, 0x058F},   Range{0x05D0, 0x05EA},   Range{0x0620, 0x063F},
    Range{0x0641, 0x064A},   Range{0x0904, 0x0939},   Range{0x0E01, 0x0E30},
    Range{0x10A0, 0x10C5},   Range{0x10C7, 0x10C7},   Range{0x10CD, 0x10CD},
    Range{0x10D0, 0x10FF},   Range{0x1E00, 0x1EFF},   Range{0x2010, 0x2027},
    Range{0x2030, 0x205E},   Range{0x20A0, 0x20BF},   Range{0x2100, 0x2125},
    Range{0x2127, 0x2129},   Range{0x212C, 0x218B},   Range{0x2190, 0x2328},
    Range{0x232B, 0x23FF},   Range{0x2500, 0x27BF},   Range{0x3001, 0x3029},
    Range{0x3030, 0x3030},   Range{0x3036, 0x303A},   Range{0x303C, 0x303F},
    Range{0x3041, 0x3096},   Range{0x309B, 0x30FA},   Range{0x30FC, 0x30FF},
    Range{0x3400, 0x4DBF},   Range{0x4E00, 0x9FFC},   Range{0xAC00, 0xD7A3},
    Range{0x1F300, 0x1F64F}, Range{0x1F680, 0x1F6C5}, Range{0x20000, 0x2A6DD},
};

bool IsStable(char32_t c) {
  const auto next = std::ranges::upper_bound(kStable, c, {}, &Range::first);
  return next != kStable.begin() && c <= std::prev(next)->last;
}

/// General category Zs outside ASCII.
bool IsForeignSpace(char32_t c) {
  return c == 0x00A0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200A) ||
         c == 0x202F || c == 0x205F || c == 0x3000;
}

bool IsControl(char32_t c) {
  return c < 0x20 || (c >= 0x7F && c <= 0x9F);
}

struct LeadByte {
  size_t followers = 0;
  char32_t bits = 0;
  char32_t minimum = 0;  ///< less is an overlong form
};

bool ReadLead(uint8_t byte, LeadByte& out) {
  if (byte < 0x80) {
    out = {.followers = 0, .bits = byte, .minimum = 0};
  } else if ((byte & 0xE0) == 0xC0) {
    out = {.followers = 1, .bits = byte & 0x1FU, .minimum = 0x80};
  } else if ((byte & 0xF0) == 0xE0) {
    out = {.followers = 2, .bits = byte & 0x0FU, .minimum = 0x800};
  } else if ((byte & 0xF8) == 0xF0) {
    out = {.followers = 3, .bits = byte & 0x07U, .minimum = 0x10000};
  } else {
    return false;
  }
  return true;
}

/// Reads one character of UTF-8 (RFC 3629).
bool ReadCharacter(ByteReader& in, char32_t& out) {
  uint8_t byte = 0;
  LeadByte lead;
  if (!in.ReadU8(byte) || !ReadLead(byte, lead)) {
    return false;
  }
  out = lead.bits;
  for (size_t i = 0; i < lead.followers; ++i) {
    if (!in.ReadU8(byte) || (byte & 0xC0) != 0x80) {
      return false;
    }
    out = out << 6 | (byte & 0x3FU);
  }
  const bool is_surrogate = out >= 0xD800 && out <= 0xDFFF;
  return out >= lead.minimum && out <= 0x10FFFF && !is_surrogate;
}

}  // namespace

Result<std::string> PrepareOpaqueString(std::string_view text) {
  if (text.empty()) {
    return Fail(Errc::kBadLength);
  }
  std::string prepared;
  prepared.reserve(text.size());
  ByteReader in(AsBytes(text));
  while (!in.is_empty()) {
    const size_t start = in.offset();
    char32_t c = 0;
    if (!ReadCharacter(in, c)) {
      return Fail(Errc::kBadEncoding, start);
    }
    if (IsControl(c)) {
      return Fail(Errc::kBadValue, start);
    }
    if (IsForeignSpace(c)) {
      prepared += ' ';
    } else if (c < 0x80 || IsStable(c)) {
      prepared += text.substr(start, in.offset() - start);
    } else {
      return Fail(Errc::kUnsupported, start);
    }
  }
  return prepared;
}

}  // namespace natkit::stun
