#include "natkit/derp/login_info.h"

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>

#include "natkit/base/encoding.h"
#include "natkit/base/text.h"
#include "natkit/derp/key_text.h"

namespace natkit::derp {
namespace {

using Json = nlohmann::json;

// One value directly inside the top-level object.
struct Field {
  enum class Kind : uint8_t { kNull, kBool, kInteger, kString, kOther };

  std::string_view key;
  Kind kind = Kind::kOther;
  bool boolean = false;
  int64_t integer = 0;
  std::string_view text;
};

// Streams a JSON text and hands every top-level field to `accept`, which
// returns false to refuse the text. Streaming keeps the order of keys that
// differ only in case (the last one counts) and builds no tree from a
// quarter of a megabyte that a stranger sent.
template <class Accept>
class FieldReader final : public nlohmann::json_sax<Json> {
 public:
  explicit FieldReader(Accept accept) : accept_(std::move(accept)) {}

  bool null() override { return Scalar({.kind = Field::Kind::kNull}); }

  bool boolean(bool value) override {
    return Scalar({.kind = Field::Kind::kBool, .boolean = value});
  }

  bool number_integer(int64_t value) override {
    return Scalar({.kind = Field::Kind::kInteger, .integer = value});
  }

  bool number_unsigned(uint64_t value) override {
    if (value > std::numeric_limits<int64_t>::max()) {
      return Scalar({});
    }
    return number_integer(static_cast<int64_t>(value));
  }

  bool number_float(double /*value*/, const std::string& /*text*/) override {
    return Scalar({});
  }

  bool string(std::string& value) override {
    return Scalar({.kind = Field::Kind::kString, .text = value});
  }

  bool binary(Json::binary_t& /*value*/) override { return false; }

  bool start_object(size_t /*size*/) override {
    return depth_++ == 0 || Nested();
  }

  bool end_object() override {
    --depth_;
    return true;
  }

  bool start_array(size_t /*size*/) override {
    return depth_++ != 0 && Nested();
  }

  bool end_array() override {
    --depth_;
    return true;
  }

  bool key(std::string& value) override {
    if (depth_ == 1) {
      key_ = value;
    }
    return true;
  }

  bool parse_error(size_t /*position*/, const std::string& /*token*/,
                   const Json::exception& /*error*/) override {
    return false;
  }

 private:
  bool Scalar(Field field) {
    if (depth_ != 1) {
      return depth_ > 1;
    }
    field.key = key_;
    return accept_(field);
  }

  // An object or array that begins as the value of a top-level key.
  bool Nested() { return depth_ != 2 || accept_(Field{.key = key_}); }

  Accept accept_;
  size_t depth_ = 0;
  std::string key_;
};

template <class Accept>
bool ReadFields(ByteView json, Accept accept) {
  FieldReader reader(std::move(accept));
  return Json::sax_parse(json.begin(), json.end(), &reader);
}

// Null leaves a field as it is, as in the encoder that clients use.
template <class T>
bool AssignInteger(const Field& field, T& out) {
  if (field.kind == Field::Kind::kInteger && std::in_range<T>(field.integer)) {
    out = static_cast<T>(field.integer);
    return true;
  }
  return field.kind == Field::Kind::kNull;
}

bool AssignBool(const Field& field, bool& out) {
  if (field.kind == Field::Kind::kBool) {
    out = field.boolean;
    return true;
  }
  return field.kind == Field::Kind::kNull;
}

bool AssignText(const Field& field, std::string& out) {
  if (field.kind == Field::Kind::kString) {
    out = field.text;
    return true;
  }
  return field.kind == Field::Kind::kNull;
}

bool AssignMeshKey(const Field& field, std::optional<MeshKey>& out) {
  if (field.kind != Field::Kind::kString) {
    return false;
  }
  auto key = ParseMeshKey(field.text);
  if (!key) {
    return false;
  }
  out = std::move(*key);
  return true;
}

bool AssignClientField(const Field& field, ClientInfo& info) {
  if (EqualsIgnoringCase(field.key, "meshKey")) {
    return AssignMeshKey(field, info.mesh_key);
  }
  if (EqualsIgnoringCase(field.key, "version")) {
    return AssignInteger(field, info.version);
  }
  if (EqualsIgnoringCase(field.key, "CanAckPings")) {
    return AssignBool(field, info.can_ack_pings);
  }
  if (EqualsIgnoringCase(field.key, "IsProber")) {
    return AssignBool(field, info.is_prober);
  }
  if (EqualsIgnoringCase(field.key, "AppName")) {
    return AssignText(field, info.app_name);
  }
  return true;
}

bool AssignServerField(const Field& field, ServerInfo& info) {
  if (EqualsIgnoringCase(field.key, "version")) {
    return AssignInteger(field, info.version);
  }
  if (EqualsIgnoringCase(field.key, "TokenBucketBytesPerSecond")) {
    return AssignInteger(field, info.token_bucket_bytes_per_second);
  }
  if (EqualsIgnoringCase(field.key, "TokenBucketBytesBurst")) {
    return AssignInteger(field, info.token_bucket_bytes_burst);
  }
  return true;
}

std::string Quoted(const std::string& text) {
  return Json(text).dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

Result<ClientInfo> ParseClientInfo(ByteView json) {
  ClientInfo info;
  const auto accept = [&info](const Field& field) {
    return AssignClientField(field, info);
  };
  if (!ReadFields(json, accept)) {
    return Fail(Errc::kBadJson);
  }
  return info;
}

std::string ToJson(const ClientInfo& info) {
  std::string json = "{";
  if (info.mesh_key) {
    json += R"("meshKey":")" + ToHex(info.mesh_key->Expose()) + R"(",)";
  }
  json += R"("version":)" + std::to_string(info.version);
  json += R"(,"CanAckPings":)";
  json += info.can_ack_pings ? "true" : "false";
  if (info.is_prober) {
    json += R"(,"IsProber":true)";
  }
  if (!info.app_name.empty()) {
    json += R"(,"AppName":)" + Quoted(info.app_name);
  }
  return json + "}";
}

Result<ServerInfo> ParseServerInfo(ByteView json) {
  ServerInfo info;
  const auto accept = [&info](const Field& field) {
    return AssignServerField(field, info);
  };
  if (!ReadFields(json, accept)) {
    return Fail(Errc::kBadJson);
  }
  return info;
}

std::string ToJson(const ServerInfo& info) {
  std::string json = R"({"version":)" + std::to_string(info.version);
  if (info.token_bucket_bytes_per_second != 0) {
    json += R"(,"TokenBucketBytesPerSecond":)" +
            std::to_string(info.token_bucket_bytes_per_second);
  }
  if (info.token_bucket_bytes_burst != 0) {
    json += R"(,"TokenBucketBytesBurst":)" +
            std::to_string(info.token_bucket_bytes_burst);
  }
  return json + "}";
}

}  // namespace natkit::derp
