#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace natkit {

/// Stands for what cannot be shown: U+FFFD in UTF-8.
inline constexpr std::string_view kReplacementCharacter = "\xef\xbf\xbd";

/// Bytes of the UTF-8 sequence at the start of `text`; 0 if it is empty or
/// begins with none (RFC 3629: no overlong forms, no surrogates, nothing above
/// U+10FFFF).
[[nodiscard]] size_t Utf8SequenceSize(std::string_view text);

/// Whether both are the same but for the case of ASCII letters, whatever the
/// locale.
[[nodiscard]] bool EqualsIgnoringCase(std::string_view a, std::string_view b);

/// `text` for XML 1.0 and HTML, in text and in attributes of either quote: the
/// five reserved characters become entities. Bytes that are not UTF-8 and
/// characters that XML cannot hold (section 2.2) become U+FFFD.
///
/// Tabs and line ends stay as they are; in attributes, readers see them as
/// spaces (section 3.3.3).
[[nodiscard]] std::string EscapeXml(std::string_view text);

/// Whether `text` has what a terminal acts upon, or what shows other than it
/// is: control characters (C0, DEL, C1), line and paragraph separators, marks
/// and overrides of the writing direction, and bytes that are not UTF-8.
[[nodiscard]] bool HasControls(std::string_view text);

/// `text` for a terminal: each byte of what HasControls() means becomes \xNN,
/// or \n, \r, \t. Those of ASCII in `kept` stay.
[[nodiscard]] std::string EscapeControls(std::string_view text,
                                         std::string_view kept = {});

}  // namespace natkit
