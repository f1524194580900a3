#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>

#include "natkit/base/secret.h"
#include "natkit/derp/key_text.h"
#include "natkit/shell/files.h"

namespace natkit::shell {
namespace {

void Wipe(std::string& text) {
  WipeBytes({reinterpret_cast<uint8_t*>(text.data()), text.size()});
}

Result<StaticPrivateKey> ParseJsonKey(std::string_view text) {
  auto json = nlohmann::json::parse(text, nullptr, false);
  const auto field = json.is_object() ? json.find("PrivateKey") : json.end();
  if (!json.is_object() || field == json.end() || !field->is_string()) {
    return Fail(Errc::kBadEncoding);
  }
  auto& hex = field->get_ref<std::string&>();
  auto key = derp::ParsePrivateKeyText(hex);
  Wipe(hex);
  return key;
}

std::string_view Trim(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  const size_t begin = std::min(text.find_first_not_of(kSpace), text.size());
  text.remove_prefix(begin);
  return text.substr(0, text.find_last_not_of(kSpace) + 1);
}

/// One level, for the owner alone. A failure shows when the file is written.
void MakeFolderOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash != std::string::npos && slash > 0) {
    mkdir(path.substr(0, slash).c_str(), S_IRWXU);
  }
}

}  // namespace

Outcome<StaticPrivateKey> LoadKeyFile(const std::string& path) {
  const auto content = ReadSecretFile(path);
  if (!content) {
    return std::unexpected(content.error());
  }
  const std::string_view text = Trim(AsText(content->Expose()));
  auto key =
      text.starts_with('{') ? ParseJsonKey(text) : PrivateKeyFromBase64(text);
  if (!key) {
    return std::unexpected(
        path +
        ": not a private key; expected {\"PrivateKey\":\"privkey:<64 hex>\"} "
        "or 44 characters of base64");
  }
  return std::move(*key);
}

Outcome<StaticPrivateKey> LoadOrCreateKeyFile(const std::string& path,
                                              Rng& rng) {
  if (access(path.c_str(), F_OK) == 0) {
    return LoadKeyFile(path);
  }
  MakeFolderOf(path);
  StaticPrivateKey key = GeneratePrivateKey(rng);
  std::string hex = derp::ToPrivateKeyText(key);
  std::string content = "{\"PrivateKey\":\"" + hex + "\"}\n";
  const auto created = CreateSecretFile(path, AsBytes(content));
  Wipe(hex);
  Wipe(content);
  if (!created) {
    return std::unexpected("cannot create the key file " + created.error());
  }
  return key;
}

}  // namespace natkit::shell
