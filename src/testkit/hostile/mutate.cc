#include "testkit/hostile/mutate.h"

#include <algorithm>
#include <array>
#include <utility>

#include "testkit/hostile/dictionary.h"
#include "testkit/hostile/parts.h"

namespace hashgate::testkit::hostile {
namespace {

constexpr std::size_t kMaxExtra = 64 << 10;

std::size_t Below(RandomSource& random, std::size_t n) {
  return n == 0 ? 0 : static_cast<std::size_t>(random.Next() % n);
}

// Most damage hits nothing but pixels unless headers get more than their share of it.
std::size_t Place(RandomSource& random, std::size_t size) {
  if (random.Chance(30)) return Below(random, std::min<std::size_t>(size, 32));
  if (random.Chance(40)) return Below(random, std::min<std::size_t>(size, 512));
  return Below(random, size);
}

std::uint64_t EdgeNumber(RandomSource& random, int bytes) {
  const std::uint64_t top = bytes == 8 ? ~0ULL : (1ULL << (8 * bytes)) - 1;
  const std::array<std::uint64_t, 14> edges = {
      0, 1, 2, 3, 7, 8, 255, 256, 0x7fff, 0x8000, top >> 1, (top >> 1) + 1, top - 1, top};
  return edges[Below(random, edges.size())] & top;
}

void SetNumber(Bytes& bytes, std::size_t at, std::uint64_t value, int size, bool big) {
  for (int i = 0; i < size; ++i) {
    const int shift = 8 * (big ? size - 1 - i : i);
    bytes[at + static_cast<std::size_t>(i)] = static_cast<std::uint8_t>(value >> shift);
  }
}

std::ptrdiff_t Offset(std::size_t at) {
  return static_cast<std::ptrdiff_t>(at);
}

// Changes that know nothing of the format.
void ChangeBytes(Bytes& bytes, Layout layout, std::span<const Bytes> others, RandomSource& random) {
  if (bytes.empty()) {
    bytes.push_back(static_cast<std::uint8_t>(random.Next()));
    return;
  }
  const std::size_t at = Place(random, bytes.size());
  switch (random.Range(0, 10)) {
    case 0:
      for (int i = random.Range(1, 8); i > 0; --i) {
        const std::size_t place = Place(random, bytes.size());
        bytes[place] = static_cast<std::uint8_t>(bytes[place] ^ 1U << random.Range(0, 7));
      }
      return;
    case 1: bytes[at] = static_cast<std::uint8_t>(random.Next()); return;
    case 2: {
      const auto fill = static_cast<std::uint8_t>(
          random.Chance(50) ? 255 * std::uint64_t{random.Range(0, 1) != 0} : random.Next());
      const std::size_t count = std::min(bytes.size() - at, std::size_t{1} << random.Range(0, 10));
      std::fill_n(bytes.begin() + Offset(at), count, fill);
      return;
    }
    case 3: bytes.resize(Below(random, bytes.size())); return;
    case 4:
    case 5: {
      const auto words = DictionaryOf(layout).words;
      const std::string_view word = words[Below(random, words.size())];
      if (random.Chance(50)) {
        bytes.insert(bytes.begin() + Offset(at), word.begin(), word.end());
      } else {
        std::copy_n(word.begin(), std::min(word.size(), bytes.size() - at), bytes.begin() + Offset(at));
      }
      return;
    }
    case 6: {
      const std::size_t length = std::min(bytes.size() - at, std::size_t{1} << random.Range(0, 12));
      const Bytes piece(bytes.begin() + Offset(at), bytes.begin() + Offset(at + length));
      const std::size_t to = Below(random, bytes.size());
      bytes.insert(bytes.begin() + Offset(to), piece.begin(), piece.end());
      return;
    }
    case 7: {
      const std::size_t length = std::min(bytes.size() - at, std::size_t{1} << random.Range(0, 8));
      bytes.erase(bytes.begin() + Offset(at), bytes.begin() + Offset(at + length));
      return;
    }
    case 8: {
      const int size = 1 << random.Range(0, 2);
      if (bytes.size() - at < static_cast<std::size_t>(size)) return;
      SetNumber(bytes, at, EdgeNumber(random, size), size, random.Chance(50));
      return;
    }
    case 9: {
      // A splice: the front of one file and the end of another.
      const Bytes& other = others[Below(random, others.size())];
      if (other.empty()) return;
      const std::size_t from = Below(random, other.size());
      bytes.resize(at);
      bytes.insert(bytes.end(), other.begin() + Offset(from), other.end());
      return;
    }
    default: {
      // Something behind the end: another file, or noise.
      if (random.Chance(50)) {
        const Bytes& other = others[Below(random, others.size())];
        bytes.insert(bytes.end(), other.begin(), other.end());
      } else {
        for (int i = random.Range(1, 64); i > 0; --i)
          bytes.push_back(static_cast<std::uint8_t>(random.Next()));
      }
    }
  }
}

// Changes of chunks, segments, blocks and boxes.
void ChangeParts(Bytes& bytes, Layout layout, std::span<const Bytes> others, RandomSource& random) {
  std::vector<Bytes> parts = Split(layout, bytes);
  if (parts.size() < 2) return ChangeBytes(bytes, layout, others, random);
  // The front stays in most, else nothing behind it is looked at.
  const std::size_t first = random.Chance(95) ? 1 : 0;
  const auto pick = [&] { return first + Below(random, parts.size() - first); };
  const auto iterator = [&](std::size_t at) { return parts.begin() + Offset(at); };
  const std::size_t one = pick();
  switch (random.Range(0, 6)) {
    case 0: std::swap(parts[one], parts[pick()]); break;
    case 1: {
      const Bytes copy = parts[one];
      int count = random.Chance(80) ? random.Range(1, 3) : random.Range(4, 200);
      count = std::min(count, 1 + static_cast<int>(kMaxExtra / (copy.size() + 1)));
      parts.insert(iterator(pick()), static_cast<std::size_t>(count), copy);
      break;
    }
    case 2: parts.erase(iterator(one)); break;
    case 3: {
      const Bytes moved = parts[one];
      parts.erase(iterator(one));
      parts.insert(iterator(std::min(pick(), parts.size())), moved);
      break;
    }
    case 4: {
      const Bytes& other = others[Below(random, others.size())];
      const std::vector<Bytes> theirs = Split(LayoutOf(other), other);
      if (theirs.empty()) break;
      const Bytes& taken = theirs[Below(random, theirs.size())];
      if (random.Chance(50)) {
        parts[one] = taken;
      } else {
        parts.insert(iterator(one), taken);
      }
      break;
    }
    case 5: {
      const LengthField field = LengthFieldOf(layout, parts[one]);
      if (field.bytes == 0) break;
      const std::uint64_t value = random.Chance(50)
                                      ? EdgeNumber(random, field.bytes)
                                      : parts[one].size() + static_cast<std::uint64_t>(random.Range(-20, 20));
      SetNumber(parts[one], field.at, value, field.bytes, field.big);
      break;
    }
    default: ChangeBytes(parts[one], layout, others, random);
  }
  bytes = Join(parts);
}

}  // namespace

Bytes Mutate(ByteSpan base, std::span<const Bytes> others, RandomSource& random) {
  Bytes bytes(base.begin(), base.end());
  const Layout layout = LayoutOf(base);
  const int changes = random.Chance(50) ? 1 : random.Range(2, 6);
  for (int i = 0; i < changes; ++i) {
    if (random.Chance(50)) {
      ChangeParts(bytes, layout, others, random);
    } else {
      ChangeBytes(bytes, layout, others, random);
    }
  }
  if (random.Chance(70)) Repair(layout, bytes);
  bytes.resize(std::min(bytes.size(), 4 * base.size() + kMaxExtra));
  return bytes;
}

}  // namespace hashgate::testkit::hostile
