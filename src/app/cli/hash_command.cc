#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <ostream>

#include "app/cli/commands.h"
#include "app/cli/output.h"
#include "app/cli/text_file.h"
#include "base/hex.h"
#include "base/unique_fd.h"
#include "decode/sniff.h"
#include "hash/core/digest_set.h"

namespace hashgate::cli {
namespace {

// The server's default for one picture; longer files still get their digests.
constexpr decode::Limits kLimits{};
constexpr std::chrono::seconds kDecodeTime{60};

constexpr std::string_view kUsable = "pdq, md5, sha1, sha256, marr_hildreth, phash, block_mean and average";

struct Wish {
  bool pdq = false;
  bool md5 = false;
  bool sha1 = false;
  bool sha256 = false;
  decode::AlgorithmSet vectors;  ///< named ones
  bool every_vector = false;     ///< all that can be made here

  [[nodiscard]] bool NeedsDecoder() const { return pdq || every_vector || !vectors.empty(); }
};

struct Line {
  std::string algorithm;
  std::string hex;
  int quality = kQualityUnknown;
  std::string pipeline;
  std::string view;  ///< empty for the whole first picture
  std::uint32_t frame = 0;
  bool hidden = false;   ///< no usual viewer shows the view
  std::string dihedral;  ///< empty for the picture as stored
};

struct Answer {
  std::string file;
  std::string format = "unknown";
  std::uint32_t width = 0;
  std::uint32_t height = 0;
  std::uint32_t frames = 0;
  bool hashed = false;
  Cause cause = Cause::kNone;
  std::vector<Line> lines;
  std::string error;
};

std::string UpperCase(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(),
                         [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
  return out;
}

Result<Wish> ReadWish(const std::vector<std::string>& names, bool has_plugin) {
  Wish wish;
  for (const std::string& name : names) {
    if (name == "pdq") {
      wish.pdq = true;
    } else if (name == "md5") {
      wish.md5 = true;
    } else if (name == "sha1") {
      wish.sha1 = true;
    } else if (name == "sha256") {
      wish.sha256 = true;
    } else if (name == "nn512") {
      return Fail(Reason::kAlgorithmUnknown,
                  "nn512 is a pipeline of pdq: ask for pdq, which gives full and nn512");
    } else if (name == "photodna" && has_plugin) {
      wish.vectors.Add(Algorithm::kPhotoDna);
    } else if (name == "photodna") {
      return Fail(Reason::kUnsupported,
                  "PhotoDNA cannot be computed here: it needs a licensed library, see --plugin");
    } else if (name == "all") {
      wish.pdq = wish.md5 = wish.sha1 = wish.sha256 = wish.every_vector = true;
    } else if (const auto algorithm = ParseAlgorithm(name); algorithm && IsImgHash(*algorithm)) {
      wish.vectors.Add(*algorithm);
    } else if (algorithm) {
      return Fail(Reason::kUnsupported, name + " is not computed by this build: use " + std::string(kUsable));
    } else {
      return Fail(Reason::kAlgorithmUnknown,
                  "'" + name + "' is not a known hash algorithm: use " + std::string(kUsable));
    }
  }
  return wish;
}

/// What one pass over a file finds.
struct FileFacts {
  std::vector<std::uint8_t> front;  ///< the file, up to one byte more than is decoded
  std::uint64_t size = 0;
  Digests digests;
  bool is_text = false;
};

Result<FileFacts> ReadFile(const std::string& path, const Stop& stop) {
  const auto failed = [&path] {
    return Fail(Reason::kFileUnreadable, "cannot be read: " + std::string(std::strerror(errno)), path);
  };
  // Not blocking: a named pipe without a writer must not hang the command.
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat info{};
  if (!fd.valid() || ::fstat(fd.get(), &info) != 0) return failed();
  if (!S_ISREG(info.st_mode)) return Fail(Reason::kFileUnreadable, "is not a regular file", path);
  FileFacts facts;
  DigestSet digests;
  decode::TextSniffer text;
  std::vector<std::uint8_t> buffer(1 << 20);
  while (true) {
    if (stop.requested()) return Fail(Reason::kCancelled, "stopped", path);
    const ssize_t count = ::read(fd.get(), buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return failed();
    if (count == 0) break;
    const ByteSpan bytes(buffer.data(), static_cast<std::size_t>(count));
    digests.Update(bytes);
    text.Update(bytes);
    facts.size += bytes.size();
    const std::size_t room = kLimits.max_bytes + 1 - facts.front.size();
    const ByteSpan kept = bytes.first(std::min(bytes.size(), room));
    facts.front.insert(facts.front.end(), kept.begin(), kept.end());
  }
  facts.digests = digests.Finish();
  facts.is_text = text.IsText();
  return facts;
}

void AddVectors(const decode::ViewHashes& view, const HashArguments& arguments, Answer& answer) {
  for (const decode::VectorForms& vector : view.vectors) {
    for (int turn = 0; turn < (arguments.dihedral ? vector.count() : 1); ++turn) {
      Line line;
      line.algorithm = AlgorithmName(vector.algorithm);
      line.hex = HexEncode(vector.form(turn));
      if (view.kind != ViewKind::kWhole) line.view = Name(view.kind);
      line.frame = view.frame;
      if (turn > 0) line.dihedral = UpperCase(DihedralName(static_cast<Dihedral>(turn)));
      answer.lines.push_back(std::move(line));
    }
  }
  if (!view.vectors_failed.empty()) answer.error = "the plug-in could not hash it";
}

void AddViews(const decode::DecodeResult& decoded, const Wish& wish, const HashArguments& arguments,
              Answer& answer) {
  for (const decode::ViewHashes& view : decoded.views) {
    const bool first_picture = view.kind == ViewKind::kWhole || view.kind == ViewKind::kTruncatedPart;
    if (!first_picture && !arguments.views) continue;
    AddVectors(view, arguments, answer);
    if (!wish.pdq) continue;
    for (const decode::PdqForms& forms : view.pdq) {
      for (int turn = 0; turn < (arguments.dihedral ? kDihedralCount : 1); ++turn) {
        Line line;
        line.algorithm = "pdq";
        line.hex = forms.forms[static_cast<std::size_t>(turn)].hex();
        line.quality = forms.quality;
        line.pipeline = PipelineName(forms.pipeline);
        if (view.kind != ViewKind::kWhole) line.view = Name(view.kind);
        line.frame = view.frame;
        line.hidden = view.hidden;
        if (turn > 0) line.dihedral = UpperCase(DihedralName(static_cast<Dihedral>(turn)));
        answer.lines.push_back(std::move(line));
      }
    }
  }
}

// Errors are those of the decoder as a whole; conditions of the file go into `answer`.
Status DecodeFile(const FileFacts& facts, decode::Format format, const Wish& wish,
                  const HashArguments& arguments, decode::Decoder& decoder, const Stop& stop,
                  Answer& answer) {
  const auto decoded =
      decoder.Decode(facts.front, format, {.pdq_nn512 = true, .vectors = wish.vectors},
                     std::chrono::steady_clock::now() + kDecodeTime, [&stop] { return stop.requested(); });
  if (!decoded && decoded.error().reason == Reason::kDeadlineExceeded) {
    answer.cause = Cause::kDeadline;
    answer.error = decoded.error().message;
    return {};
  }
  if (!decoded) return std::unexpected(decoded.error());
  answer.width = decoded->width;
  answer.height = decoded->height;
  answer.frames = decoded->frames_total;
  answer.cause = decoded->cause;
  AddViews(*decoded, wish, arguments, answer);
  return {};
}

void AddDigests(const Digests& digests, const Wish& wish, Answer& answer) {
  const auto add = [&answer](std::string algorithm, ByteSpan value) {
    answer.lines.push_back({.algorithm = std::move(algorithm), .hex = HexEncode(value)});
  };
  if (wish.md5) add("md5", digests.md5);
  if (wish.sha1) add("sha1", digests.sha1);
  if (wish.sha256) add("sha256", digests.sha256);
}

Status HashFile(const HashArguments& arguments, const Wish& wish, decode::Decoder* decoder, const Stop& stop,
                Answer& answer) {
  const Result<FileFacts> facts = ReadFile(answer.file, stop);
  if (!facts) {
    if (facts.error().reason == Reason::kCancelled) return std::unexpected(facts.error());
    answer.cause = Cause::kFileUnreadable;
    answer.error = facts.error().message;
    return {};
  }
  decode::Format format =
      decode::Sniff(ByteSpan(facts->front).first(std::min(facts->front.size(), decode::kSniffBytes)));
  if (format == decode::Format::kUnknown && facts->is_text) format = decode::Format::kText;
  answer.format = decode::FormatName(format);
  if (facts->size == 0) {
    answer.cause = Cause::kEmpty;
  } else if (!decode::IsDecodable(format)) {
    answer.cause = decode::IsImage(format) || format == decode::Format::kUnknown ? Cause::kUnsupportedFormat
                                                                                 : Cause::kNotAnImage;
  } else if (decoder != nullptr) {
    if (facts->size > kLimits.max_bytes) {
      answer.cause = Cause::kTooLarge;
    } else {
      HASHGATE_RETURN_IF_ERROR(DecodeFile(*facts, format, wish, arguments, *decoder, stop, answer));
    }
  }
  answer.hashed = answer.cause == Cause::kNone || answer.cause == Cause::kNotAnImage;
  AddDigests(facts->digests, wish, answer);
  return {};
}

std::string ToJson(const Answer& answer) {
  std::string hashes = "[";
  for (const Line& line : answer.lines) {
    if (hashes.size() > 1) hashes += ',';
    JsonObject object;
    object.Text("algorithm", line.algorithm).Text("hex", line.hex);
    if (line.quality != kQualityUnknown) object.Number("quality", line.quality);
    if (!line.pipeline.empty()) object.Text("pipeline", line.pipeline);
    if (!line.view.empty()) {
      object.Text("view", line.view).Number("frame", line.frame).Bool("hidden", line.hidden);
    }
    if (!line.dihedral.empty()) object.Text("dihedral", line.dihedral);
    hashes += object.Line();
  }
  JsonObject object;
  object.File(answer.file)
      .Text("format", answer.format)
      .Number("width", answer.width)
      .Number("height", answer.height)
      .Number("frames", answer.frames)
      .Text("outcome", answer.hashed ? "HASHED" : "UNSCANNABLE")
      .Text("cause", answer.cause == Cause::kNone ? "UNSPECIFIED" : Name(answer.cause))
      .Raw("hashes", hashes + "]");
  if (!answer.error.empty()) object.Text("error", answer.error);
  return object.Line();
}

void Print(const Answer& answer, std::ostream& out) {
  out << Printable(answer.file) << "  " << answer.format;
  if (answer.width > 0) out << " " << answer.width << "x" << answer.height;
  if (answer.cause == Cause::kNotAnImage) {
    out << "  (not a picture)";
  } else if (answer.cause != Cause::kNone) {
    out << "  " << (answer.hashed ? "" : "UNSCANNABLE ") << Name(answer.cause);
  }
  if (!answer.error.empty()) out << "  " << Printable(answer.error);
  out << '\n';
  Table table;
  for (const Line& line : answer.lines) {
    std::string about;
    if (line.quality != kQualityUnknown) about = "quality " + std::to_string(line.quality);
    if (!line.view.empty()) about += "  " + line.view + " frame " + std::to_string(line.frame);
    if (line.hidden) about += " (hidden)";
    if (!line.dihedral.empty()) about += "  " + line.dihedral;
    const std::string pipeline = line.pipeline.empty() ? "" : " " + line.pipeline;
    table.AddRow({"  " + line.algorithm + pipeline, line.hex, about});
  }
  table.Print(out);
}

Result<std::vector<decode::PluginSetup>> PluginsOf(const HashArguments& arguments, std::istream& in) {
  std::vector<decode::PluginSetup> plugins;
  if (arguments.plugin.empty()) {
    if (arguments.plugin_config.empty()) return plugins;
    return Fail(Reason::kRequestInvalid, "--plugin-config says nothing without --plugin");
  }
  std::string config;
  if (!arguments.plugin_config.empty()) {
    HASHGATE_ASSIGN_OR_RETURN(config, ReadTextFile(arguments.plugin_config, in, decode::kMaxPluginConfig));
  }
  HASHGATE_ASSIGN_OR_RETURN(
      decode::PluginSetup plugin,
      decode::MakePluginSetup(arguments.plugin, Algorithm::kUnspecified, std::move(config)));
  plugins.push_back(std::move(plugin));
  return plugins;
}

// What is asked for by name must be made here, or by some plug-in.
Status SettleVectors(const decode::Decoder& decoder, Wish& wish) {
  decode::AlgorithmSet made;
  for (const Algorithm algorithm : kImgHashes) made.Add(algorithm);
  for (const decode::VectorMaker& maker : decoder.vector_makers()) made.Add(maker.algorithm);
  if (!made.HasAll(wish.vectors))
    return Fail(Reason::kUnsupported, "the plug-in makes other hashes than asked for");
  if (wish.every_vector) wish.vectors = made;
  return {};
}

}  // namespace

int RunHash(const HashArguments& arguments, const GlobalOptions& options, Environment& environment) {
  Result<Wish> wish = ReadWish(arguments.algorithms, !arguments.plugin.empty());
  if (!wish) return ReportUsage(environment, wish.error().message);
  // The decoder's spawner has to start while this process has one thread, so it comes before the signal
  // watch.
  std::unique_ptr<decode::Decoder> decoder;
  if (wish->NeedsDecoder()) {
    const auto plugins = PluginsOf(arguments, environment.in);
    if (!plugins) return ReportUsage(environment, plugins.error().message);
    auto started = environment.start_decoder(1, *plugins);
    if (!started) return ReportError(environment, options, started.error());
    decoder = *std::move(started);
    if (const Status settled = SettleVectors(*decoder, *wish); !settled) {
      return ReportUsage(environment, settled.error().message);
    }
  }
  const SignalWatch signals(environment.stop);
  bool clean = true;
  for (const std::string& file : arguments.files) {
    Answer answer;
    answer.file = file;
    const Status status = HashFile(arguments, *wish, decoder.get(), environment.stop, answer);
    if (!status) return ReportError(environment, options, status.error());
    clean = clean && answer.hashed;
    if (options.json) {
      environment.out << ToJson(answer) << '\n';
    } else {
      Print(answer, environment.out);
    }
    environment.out.flush();
  }
  return clean ? kDone : kFindings;
}

}  // namespace hashgate::cli
