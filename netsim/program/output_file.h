#pragma once

#include <expected>
#include <string>
#include <string_view>

namespace natkit::netsim::program {

/// Whether a report can be written there, asked before the work that it is
/// about: the error is for people, such as "cannot write x/y: Is a directory".
/// A file that is there stays as it is, one that is not is not left behind.
[[nodiscard]] std::expected<void, std::string> CheckWritable(
    const std::string& path);

/// Makes a file of `text`, instead of what was there.
[[nodiscard]] std::expected<void, std::string> WriteFile(
    const std::string& path, std::string_view text);

}  // namespace natkit::netsim::program
