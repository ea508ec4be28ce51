#include "policy/strict_yaml.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "base/utf8.h"

namespace hashgate::policy {
namespace {

constexpr std::size_t kProblemsShown = 20;
/// A hostile text can hold a problem a byte; more than this are only counted.
constexpr std::size_t kProblemsKept = 1000;
constexpr std::size_t kMessageBytes = 400;
constexpr std::size_t kQuotedBytes = 64;

/// Printable text of at most `max_bytes`, cut between characters.
std::string Bounded(std::string_view text, std::size_t max_bytes) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = Utf8SequenceLength(text.substr(at));
    const std::size_t step = length == 0 ? 1 : length;
    if (out.size() + step > max_bytes) {
      out += "...";
      break;
    }
    const auto byte = static_cast<unsigned char>(text[at]);
    if (length == 0 || byte < 0x20 || byte == 0x7f) {
      out += '?';
    } else {
      out += text.substr(at, length);
    }
    at += step;
  }
  return out;
}

bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}

std::string Lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

/// 0, or digits without a leading zero, with or without a minus sign.
bool IsPlainInteger(std::string_view text) {
  if (text.starts_with('-')) text.remove_prefix(1);
  if (text.empty() || (text.size() > 1 && text.front() == '0')) return false;
  return std::ranges::all_of(text, IsDigit);
}

/// True for plain text that YAML 1.1 or 1.2 may read as a truth value, nothing, or a number other than as
/// written. Source: the resolution tables of yaml.org/type (bool, null, int, float).
bool IsAmbiguous(std::string_view text) {
  static constexpr std::string_view kWords[] = {"y",     "n",    "yes", "no",   "on",    "off",   "true",
                                                "false", "null", "~",   ".inf", "+.inf", "-.inf", ".nan"};
  const std::string lower = Lower(text);
  if (std::ranges::find(kWords, lower) != std::end(kWords)) return true;
  if (IsPlainInteger(text)) return false;
  // Anything made of what numbers are made of, with at least one digit, and starting like a number.
  std::string_view rest = lower;
  if (rest.starts_with('+') || rest.starts_with('-')) rest.remove_prefix(1);
  if (rest.empty() || !(IsDigit(rest.front()) || rest.front() == '.')) return false;
  if (rest.starts_with("0x") || rest.starts_with("0o") || rest.starts_with("0b")) return true;
  // A point more than once is a version or an address, and a minus in the middle a date: both are only text.
  if (std::ranges::count(rest, '.') > 1) return false;
  bool digits = false;
  for (std::size_t i = 0; i < rest.size(); ++i) {
    const char c = rest[i];
    if (IsDigit(c)) {
      digits = true;
    } else if (c == '-' || c == '+') {
      if (i == 0 || rest[i - 1] != 'e') return false;
    } else if (c != '.' && c != '_' && c != ':' && c != 'e') {
      return false;
    }
  }
  return digits;
}

/// Edits (insert, delete, replace, swap of neighbours) between two short words.
std::size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1);
  std::vector<std::size_t> last(b.size() + 1);
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replace = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({replace, last[j] + 1, row[j - 1] + 1});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        row[j] = std::min(row[j], before[j - 2] + 1);
      }
    }
    std::swap(before, last);
    std::swap(last, row);
  }
  return last[b.size()];
}

std::string_view KindName(const StrictNode& node) {
  switch (node.kind) {
    case StrictNode::Kind::kNull: return "nothing";
    case StrictNode::Kind::kScalar: return "a single value";
    case StrictNode::Kind::kSequence: return "a list";
    case StrictNode::Kind::kMap: return "a map";
  }
  return "nothing";
}

std::string Expected(std::string_view what, const StrictNode& node) {
  return "must be " + std::string(what) + ", not " + std::string(KindName(node));
}

}  // namespace

void YamlProblems::Add(int line, const std::string& message) {
  if (problems_.size() >= kProblemsKept) {
    ++dropped_;
    return;
  }
  problems_.push_back({line, Bounded(message, kMessageBytes)});
}

Error YamlProblems::ToError(Reason reason) const {
  std::vector<Problem> sorted = problems_;
  std::ranges::stable_sort(sorted, {}, &Problem::line);
  Error error;
  error.reason = reason;
  const std::size_t shown = std::min(sorted.size(), kProblemsShown);
  for (std::size_t i = 0; i < shown; ++i) {
    if (i > 0) error.message += '\n';
    error.message += source_ + ":" + std::to_string(sorted[i].line) + ": " + sorted[i].message;
  }
  const std::size_t more = sorted.size() - shown + dropped_;
  if (more > 0) error.message += "\n" + source_ + ": and " + std::to_string(more) + " more problems";
  if (!sorted.empty()) error.field = source_ + ":" + std::to_string(sorted.front().line);
  return error;
}

std::string_view NearestWord(std::string_view word, std::span<const std::string_view> known) {
  if (word.size() > kQuotedBytes) return {};
  const std::string lower = Lower(word);
  std::string_view best;
  std::size_t best_distance = std::max<std::size_t>(1, word.size() / 3) + 1;
  for (const std::string_view candidate : known) {
    const std::size_t distance = EditDistance(lower, Lower(candidate));
    if (distance < best_distance) {
      best = candidate;
      best_distance = distance;
    }
  }
  return best;
}

std::string QuoteForMessage(std::string_view text) {
  return "'" + Bounded(text, kQuotedBytes) + "'";
}

YamlMap::YamlMap(const StrictNode& node, std::string path, YamlProblems& problems)
    : node_(&node), path_(std::move(path)), problems_(&problems) {
  if (node.kind != StrictNode::Kind::kMap) {
    problems.Add(node.line, (path_.empty() ? "the text " : path_ + ": ") + Expected("a map of keys", node));
  }
}

const StrictNode::Member* YamlMap::Lookup(std::string_view key) const {
  for (const StrictNode::Member& member : node_->members) {
    if (member.key == key) return &member;
  }
  return nullptr;
}

void YamlMap::Know(std::string_view key) {
  if (std::ranges::find(known_, key) == known_.end()) known_.emplace_back(key);
}

std::string YamlMap::PathOf(std::string_view key) const {
  return path_.empty() ? std::string(key) : path_ + "." + std::string(key);
}

int YamlMap::LineOf(std::string_view key) const {
  const StrictNode::Member* member = Lookup(key);
  return member != nullptr ? member->line : node_->line;
}

void YamlMap::Problem(int line, std::string_view key, const std::string& message) {
  problems_->Add(line, PathOf(key) + ": " + message);
}

const StrictNode* YamlMap::Find(std::string_view key) {
  Know(key);
  const StrictNode::Member* member = Lookup(key);
  return member != nullptr ? &member->value : nullptr;
}

const StrictNode* YamlMap::Require(std::string_view key) {
  const StrictNode* value = Find(key);
  if (value == nullptr && node_->kind == StrictNode::Kind::kMap) {
    const std::string where = path_.empty() ? "" : path_ + ": ";
    problems_->Add(node_->line, where + "key '" + std::string(key) + "' is missing");
  }
  return value;
}

std::optional<std::string> YamlMap::TextOf(const StrictNode& value, std::string_view key,
                                           std::size_t max_bytes, bool allow_empty) {
  if (value.kind != StrictNode::Kind::kScalar) {
    Problem(value.line, key, Expected("text", value));
    return std::nullopt;
  }
  if (!value.quoted && IsAmbiguous(value.text)) {
    Problem(value.line, key,
            QuoteForMessage(value.text) + " is not plain text to every YAML reader: put it in quotes");
    return std::nullopt;
  }
  if (value.text.empty() && !allow_empty) {
    Problem(value.line, key, "must not be empty");
    return std::nullopt;
  }
  if (value.text.size() > max_bytes) {
    Problem(value.line, key, "longer than " + std::to_string(max_bytes) + " bytes");
    return std::nullopt;
  }
  return value.text;
}

std::optional<std::string> YamlMap::Text(std::string_view key, std::size_t max_bytes) {
  const StrictNode* value = Find(key);
  if (value == nullptr) return std::nullopt;
  return TextOf(*value, key, max_bytes, false);
}

std::optional<bool> YamlMap::Bool(std::string_view key) {
  const StrictNode* value = Find(key);
  if (value == nullptr) return std::nullopt;
  if (value->kind == StrictNode::Kind::kScalar && !value->quoted) {
    if (value->text == "true") return true;
    if (value->text == "false") return false;
  }
  if (value->kind == StrictNode::Kind::kScalar) {
    Problem(value->line, key, QuoteForMessage(value->text) + " is not a truth value: write true or false");
  } else {
    Problem(value->line, key, Expected("true or false", *value));
  }
  return std::nullopt;
}

std::optional<std::int64_t> YamlMap::Integer(std::string_view key, std::int64_t min, std::int64_t max) {
  const StrictNode* value = Find(key);
  if (value == nullptr) return std::nullopt;
  const std::string range = std::to_string(min) + " to " + std::to_string(max);
  if (value->kind != StrictNode::Kind::kScalar) {
    Problem(value->line, key, Expected("a whole number from " + range, *value));
    return std::nullopt;
  }
  if (value->quoted || !IsPlainInteger(value->text)) {
    Problem(value->line, key,
            QuoteForMessage(value->text) +
                " is not a whole number in plain decimal digits without leading zeros or quotes");
    return std::nullopt;
  }
  std::int64_t number = 0;
  const char* end = value->text.data() + value->text.size();
  const auto [stop, error] = std::from_chars(value->text.data(), end, number);
  if (error != std::errc{} || stop != end || number < min || number > max) {
    Problem(value->line, key, QuoteForMessage(value->text) + " is out of range: " + range);
    return std::nullopt;
  }
  return number;
}

std::optional<std::size_t> YamlMap::IndexOf(std::string_view text, int line, std::string_view key,
                                            std::span<const std::string_view> names) {
  const auto found = std::ranges::find(names, text);
  if (found != names.end()) return static_cast<std::size_t>(found - names.begin());
  std::string message = QuoteForMessage(text) + " is not one of";
  for (const std::string_view name : names) message += " " + std::string(name);
  if (const std::string_view near = NearestWord(text, names); !near.empty()) {
    message = QuoteForMessage(text) + " is not known here: did you mean '" + std::string(near) + "'?";
  }
  Problem(line, key, message);
  return std::nullopt;
}

std::optional<std::size_t> YamlMap::Choice(std::string_view key, std::span<const std::string_view> names) {
  const StrictNode* value = Find(key);
  if (value == nullptr) return std::nullopt;
  if (value->kind != StrictNode::Kind::kScalar) {
    Problem(value->line, key, Expected("one name", *value));
    return std::nullopt;
  }
  return IndexOf(value->text, value->line, key, names);
}

std::optional<std::vector<YamlMap::TextAt>> YamlMap::Texts(std::string_view key, std::size_t max_items,
                                                           bool allow_empty_text) {
  const StrictNode* value = Find(key);
  if (value == nullptr) return std::nullopt;
  std::span<const StrictNode> items(value, 1);
  if (value->kind == StrictNode::Kind::kSequence) items = value->items;
  if (items.empty()) {
    Problem(value->line, key, "is an empty list: leave the key out for \"any\"");
    return std::nullopt;
  }
  if (items.size() > max_items) {
    Problem(value->line, key, "has more than " + std::to_string(max_items) + " items");
    return std::nullopt;
  }
  std::vector<TextAt> texts;
  std::vector<std::string_view> seen;
  bool good = true;
  for (const StrictNode& item : items) {
    std::optional<std::string> text = TextOf(item, key, 256, allow_empty_text);
    if (!text) {
      good = false;
      continue;
    }
    if (std::ranges::find(seen, item.text) != seen.end()) {
      Problem(item.line, key, QuoteForMessage(item.text) + " is given twice");
      good = false;
      continue;
    }
    seen.push_back(item.text);
    texts.push_back({*std::move(text), item.line});
  }
  if (!good) return std::nullopt;
  return texts;
}

std::optional<std::vector<std::size_t>> YamlMap::Choices(std::string_view key,
                                                         std::span<const std::string_view> names) {
  const std::optional<std::vector<TextAt>> texts = Texts(key);
  if (!texts) return std::nullopt;
  std::vector<std::size_t> indices;
  bool good = true;
  for (const TextAt& text : *texts) {
    if (const std::optional<std::size_t> index = IndexOf(text.text, text.line, key, names)) {
      indices.push_back(*index);
    } else {
      good = false;
    }
  }
  if (!good) return std::nullopt;
  return indices;
}

void YamlMap::RefuseOthers() {
  const std::vector<std::string_view> known(known_.begin(), known_.end());
  std::size_t unknown = 0;
  for (const StrictNode::Member& member : node_->members) {
    if (std::ranges::find(known, member.key) != known.end()) continue;
    std::string message = (path_.empty() ? "" : path_ + ": ") + "unknown key " + QuoteForMessage(member.key);
    // Nobody reads more hints than are shown, and each costs a comparison with every known key.
    if (++unknown > kProblemsShown) {
      problems_->Add(member.line, message);
      continue;
    }
    if (const std::string_view near = NearestWord(member.key, known); !near.empty()) {
      message += ": did you mean '" + std::string(near) + "'?";
    } else {
      message += ": the keys here are";
      for (const std::string_view key : known) message += " " + std::string(key);
    }
    problems_->Add(member.line, message);
  }
}

}  // namespace hashgate::policy
