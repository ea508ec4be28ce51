#include "hash/plugin/plugin.h"

#include <dlfcn.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <utility>

#include "hash/core/vector_algorithms.h"

namespace hashgate::plugin {
namespace {

constexpr std::size_t kMaxErrorText = 200;

// What a plug-in says goes to the log: one line of printable ASCII.
std::string Printable(const char* text, std::size_t max) {
  std::string out(text, ::strnlen(text, max));
  std::ranges::replace_if(out, [](char c) { return c < ' ' || c > '~'; }, '?');
  return out;
}

std::unexpected<Error> Refuse(const std::string& path, const std::string& why) {
  return Fail(Reason::kConfigInvalid, "the plug-in " + path + " " + why, "decoder.plugins");
}

bool IsText(const char* text) {
  if (text == nullptr) return false;
  const std::size_t size = ::strnlen(text, kMaxText + 1);
  return size >= 1 && size <= kMaxText && Printable(text, size) == std::string(text, size);
}

// kUnspecified for numbers that this build does not know.
Algorithm AlgorithmOf(std::uint32_t number) {
  return number < static_cast<std::uint32_t>(kAlgorithmCount) ? static_cast<Algorithm>(number)
                                                              : Algorithm::kUnspecified;
}

// What is wrong with what a plug-in says of itself; empty where nothing is.
std::string WrongWith(const hashgate_plugin* plugin, Algorithm expected) {
  if (plugin == nullptr) return "gives nothing";
  if (plugin->abi_version != HASHGATE_PLUGIN_ABI) {
    return "is for version " + std::to_string(plugin->abi_version) +
           " of the interface, and this is version " + std::to_string(HASHGATE_PLUGIN_ABI);
  }
  if (plugin->struct_size != sizeof(hashgate_plugin) || plugin->reserved != 0) {
    return "has another layout than hashgate/plugin.h";
  }
  const Algorithm algorithm = AlgorithmOf(plugin->algorithm);
  const std::string name(AlgorithmName(algorithm));
  if (!IsMadeByPlugins(algorithm)) {
    return "makes hashes (algorithm " + std::to_string(plugin->algorithm) +
           ") that this build does not compare";
  }
  if (expected != Algorithm::kUnspecified && algorithm != expected) {
    return "makes " + name + " and not " + std::string(AlgorithmName(expected));
  }
  if (plugin->hash_size != HashSize(algorithm)) {
    return "makes " + name + " hashes of " + std::to_string(plugin->hash_size) + " bytes, and they have " +
           std::to_string(HashSize(algorithm));
  }
  if (plugin->pixel_format != HASHGATE_PIXELS_GREY && plugin->pixel_format != HASHGATE_PIXELS_RGB) {
    return "asks for pixels of an unknown format";
  }
  if (!IsText(plugin->name) || !IsText(plugin->version)) {
    return "has no name or version of 1 to " + std::to_string(kMaxText) + " printable characters";
  }
  if (plugin->hash == nullptr) return "has no function that hashes";
  return {};
}

// A small picture of waves of several lengths, none of them symmetrical.
class TrialPicture {
 public:
  explicit TrialPicture(std::uint32_t channels) : stride_(std::size_t{kSide} * channels) {
    pixels_.reserve(stride_ * kSide);
    for (std::uint32_t y = 0; y < kSide; ++y) {
      for (std::uint32_t x = 0; x < kSide; ++x) {
        for (std::uint32_t c = 0; c < channels; ++c) {
          pixels_.push_back(static_cast<std::uint8_t>((x * x / 9 + 7 * y * (c + 1) + x * y / 5) & 0xff));
        }
      }
    }
  }
  [[nodiscard]] hashgate_picture picture() const {
    return {.pixels = pixels_.data(), .stride = stride_, .width = kSide, .height = kSide};
  }

 private:
  static constexpr std::uint32_t kSide = 128;
  std::size_t stride_;
  std::vector<std::uint8_t> pixels_;
};

// What is wrong with `first`, the hash of the drawn picture; empty where nothing is. That it has none is not
// wrong: some pictures have none.
std::string WrongAtTrial(const Plugin& plugin, const hashgate_plugin& functions,
                         const std::vector<std::uint8_t>& first) {
  if (!plugin.HashesAsAtLoad()) return "does not give one picture the same hash twice";
  if (!plugin.turns() || first.empty()) return {};
  const TrialPicture trial(plugin.channels());
  const hashgate_picture picture = trial.picture();
  std::vector<std::uint8_t> plain(functions.hash_size);
  if (functions.hash(&picture, plain.data()) != HASHGATE_OK ||
      !std::equal(plain.begin(), plain.end(), first.begin())) {
    return "gives a picture as it is another hash than among its turned forms";
  }
  return {};
}

std::vector<Plugin>& Used() {
  static std::vector<Plugin> plugins;
  return plugins;
}

}  // namespace

Plugin::Plugin(const hashgate_plugin& functions)
    : functions_(&functions),
      algorithm_(AlgorithmOf(functions.algorithm)),
      name_(functions.name),
      version_(functions.version) {}

Result<Plugin> Plugin::Load(const std::string& path, Algorithm expected, const std::string& config) {
  // Symbols are bound now, because binding one later would need files, and stay apart from everybody else's.
  void* const library = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    const char* const error = ::dlerror();
    return Refuse(path, "cannot be loaded: " + Printable(error != nullptr ? error : "", kMaxErrorText));
  }
  const auto get = reinterpret_cast<hashgate_plugin_function>(::dlsym(library, HASHGATE_PLUGIN_SYMBOL));
  if (get == nullptr) return Refuse(path, "is no plug-in: it has no function " HASHGATE_PLUGIN_SYMBOL);
  const hashgate_plugin* const functions = get();
  if (const std::string wrong = WrongWith(functions, expected); !wrong.empty()) return Refuse(path, wrong);
  if (functions->init != nullptr) {
    std::array<char, kMaxErrorText + 1> error{};
    if (functions->init(config.c_str(), error.data(), error.size()) != HASHGATE_OK) {
      const std::string said = Printable(error.data(), kMaxErrorText);
      return Refuse(path, "could not be initialised" + (said.empty() ? "" : ": " + said));
    }
  }
  Plugin plugin(*functions);
  plugin.trial_ = plugin.Hash(TrialPicture(plugin.channels()).picture());
  if (const std::string wrong = WrongAtTrial(plugin, *functions, plugin.trial_); !wrong.empty())
    return Refuse(path, wrong);
  return plugin;
}

std::vector<std::uint8_t> Plugin::Hash(const hashgate_picture& picture) const {
  std::vector<std::uint8_t> bytes(std::size_t{functions_->hash_size} * (turns() ? kDihedralCount : 1));
  const auto function = turns() ? functions_->hash_turned : functions_->hash;
  if (function(&picture, bytes.data()) != HASHGATE_OK) bytes.clear();
  return bytes;
}

bool Plugin::HashesAsAtLoad() const {
  return Hash(TrialPicture(channels()).picture()) == trial_;
}

void UsePlugins(std::vector<Plugin> plugins) {
  Used() = std::move(plugins);
}

std::span<const Plugin> Plugins() {
  return Used();
}

}  // namespace hashgate::plugin
