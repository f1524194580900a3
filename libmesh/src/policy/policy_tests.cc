#include <charconv>

#include "policy/policy_reader.h"
#include "policy/ports.h"

namespace natkit::mesh::policy {

namespace {

std::optional<AttributeValue> ToAttribute(const JsonValue& value) {
  if (value.kind == JsonKind::kBool) {
    return value.boolean;
  }
  if (value.is_string()) {
    return value.text;
  }
  double number = 0;
  const char* end = value.text.data() + value.text.size();
  const auto [stop, failure] = std::from_chars(value.text.data(), end, number);
  if (value.kind != JsonKind::kNumber || failure != std::errc{}) {
    return std::nullopt;
  }
  return number;
}

std::vector<std::string> Plain(const std::vector<PlacedText>& texts) {
  std::vector<std::string> out;
  for (const PlacedText& text : texts) {
    out.push_back(text.text);
  }
  return out;
}

}  // namespace

Attributes ReadAttributes(const JsonValue& value, Findings& out) {
  Attributes attributes;
  if (!value.is_object()) {
    out.Error(value.at, "attributes must be an object { }, not " +
                            std::string(KindName(value.kind)));
  }
  for (const JsonMember& member : value.members) {
    if (auto attribute = ToAttribute(member.value)) {
      attributes[member.key] = *std::move(attribute);
    } else {
      out.Error(member.value.at,
                "an attribute is a string, a number, true or false");
    }
  }
  return attributes;
}

void PolicyReader::ReadTests(const JsonValue& value) {
  for (const JsonValue& item : ReadItems(value, "\"tests\"", out_)) {
    ReadTest(item);
  }
}

void PolicyReader::ReadTest(const JsonValue& value) {
  ObjectReader in(value, "a test", out_);
  in.Explain("user", "write \"src\"");
  in.Explain("allow", "write \"accept\"");
  PolicyTest test;
  test.at = value.at;
  std::optional<Selector> source;
  if (in.Require("src") != nullptr) {
    if (const auto text = in.String("src")) {
      source = ReadSelector(*text, Place::kTestHost);
    }
  }
  test.protocol = ReadProtocol(in);
  if (test.protocol && !HasPorts(*test.protocol)) {
    out_.Error(in.Get("proto")->at,
               "the \"proto\" of a test is tcp, udp or sctp");
  }
  test.accept = ReadTestTargets(in, "accept");
  test.deny = ReadTestTargets(in, "deny");
  ReadTestAttributes(in, test);
  ReadTestTime(in, test);
  in.Finish();
  if (in.is_object() && in.Get("accept") == nullptr &&
      in.Get("deny") == nullptr) {
    out_.Error(value.at, "a test needs \"accept\" or \"deny\"");
  }
  if (source && CheckSingleAddress(*source)) {
    test.src = *std::move(source);
    policy_.tests.push_back(std::move(test));
  }
}

std::vector<TestTarget> PolicyReader::ReadTestTargets(ObjectReader& in,
                                                      std::string_view key) {
  std::vector<TestTarget> targets;
  for (const PlacedText& text : in.Strings(key)) {
    const auto split = SplitPorts(text.text);
    const auto port = split ? ParsePort(split->ports) : std::nullopt;
    if (!port) {
      out_.Error(text.at, "\"" + text.text +
                              "\": a test names one host and one port, like "
                              "tag:web:443");
      continue;
    }
    auto host = ReadSelector({split->host, text.at}, Place::kTestHost);
    if (host && CheckSingleAddress(*host)) {
      targets.push_back({*std::move(host), *port, text.text});
    }
  }
  return targets;
}

void PolicyReader::ReadTestAttributes(ObjectReader& in, PolicyTest& test) {
  if (const JsonValue* value = in.Get("srcPostureAttrs")) {
    test.attributes = ReadAttributes(*value, out_);
  }
}

void PolicyReader::ReadTestTime(ObjectReader& in, PolicyTest& test) {
  const auto text = in.String("at");
  if (!text) {
    return;
  }
  const std::string_view moment = text->text;
  const size_t space = moment.find(' ');
  const auto day = ParseDay(moment.substr(0, space));
  const auto minute = space == std::string_view::npos
                          ? std::nullopt
                          : ParseClock(moment.substr(space + 1));
  if (!day || !minute || *minute == 24 * 60) {
    out_.Error(text->at, "\"" + text->text +
                             "\" is no moment of a week: write it like tue "
                             "22:30");
    return;
  }
  test.when = WeekTime{*day, *minute};
}

void PolicyReader::ReadSshTests(const JsonValue& value) {
  for (const JsonValue& item : ReadItems(value, "\"sshTests\"", out_)) {
    ObjectReader in(item, "an sshTests entry", out_);
    SshTest test;
    test.at = item.at;
    std::optional<Selector> source;
    if (in.Require("src") != nullptr) {
      if (const auto text = in.String("src")) {
        source = ReadSelector(*text, Place::kTestHost);
      }
    }
    test.dst = ReadSelectors(in.RequireStrings("dst"), Place::kTestHost);
    test.accept = Plain(in.Strings("accept"));
    test.check = Plain(in.Strings("check"));
    test.deny = Plain(in.Strings("deny"));
    in.Finish();
    if (source) {
      test.src = *std::move(source);
      policy_.ssh_tests.push_back(std::move(test));
    }
  }
}

}  // namespace natkit::mesh::policy
