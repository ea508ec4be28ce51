#include "exchange/http/curl_transfer.h"

#include <curl/curl.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <utility>

#include "exchange/http/incoming.h"
#include "hashgate/version.h"

namespace hashgate::exchange {
namespace {

constexpr long kStallBytesPerSecond = 100;
constexpr std::size_t kMostDetailBytes = 160;

struct EasyDeleter {
  void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
};
struct MultiDeleter {
  void operator()(CURLM* multi) const { curl_multi_cleanup(multi); }
};
struct SlistDeleter {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using EasyHandle = std::unique_ptr<CURL, EasyDeleter>;
using MultiHandle = std::unique_ptr<CURLM, MultiDeleter>;
using HeaderList = std::unique_ptr<curl_slist, SlistDeleter>;

/// Sets options and remembers whether libcurl took all of them.
class Setter {
 public:
  explicit Setter(CURL* easy) : easy_(easy) {}
  template <typename T>
  void Set(CURLoption option, T value) {
    ok_ = curl_easy_setopt(easy_, option, value) == CURLE_OK && ok_;
  }
  void SetText(CURLoption option, const std::string& text) { Set(option, text.c_str()); }
  void SetLong(CURLoption option, long value) { Set(option, value); }
  [[nodiscard]] bool ok() const { return ok_; }

 private:
  CURL* easy_;
  bool ok_ = true;
};

// libcurl's own words about a certificate, which name no secret: bounded, and of printable characters.
std::string Detail(const char* text) {
  std::string out(std::string_view(text).substr(0, kMostDetailBytes));
  std::ranges::replace_if(out, [](char c) { return c < ' ' || c > '~'; }, '?');
  return out;
}

struct Judged {
  Reason reason;
  std::string what;
  bool may_pass;
};

Judged Judge(CURLcode code, const char* detail) {
  switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST: return {Reason::kExchangeUnreachable, "the host is not known", true};
    case CURLE_COULDNT_RESOLVE_PROXY: return {Reason::kExchangeUnreachable, "the proxy is not known", true};
    case CURLE_COULDNT_CONNECT: return {Reason::kExchangeUnreachable, "no connection came about", true};
    case CURLE_OPERATION_TIMEDOUT: return {Reason::kExchangeUnreachable, "no whole answer in time", true};
    case CURLE_SSL_CONNECT_ERROR:
      return {Reason::kExchangeUnreachable, "TLS did not come about: " + Detail(detail), true};
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_GOT_NOTHING:
    case CURLE_PARTIAL_FILE: return {Reason::kExchangeUnreachable, "the answer broke off", true};
    case CURLE_PROXY: return {Reason::kExchangeUnreachable, "the proxy does not connect", true};
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
      return {Reason::kExchangeUnreachable, "the server's certificate is not trusted: " + Detail(detail),
              false};
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_BAD_CONTENT_ENCODING: return {Reason::kExchangeProtocol, "the answer is not HTTP", false};
    // What this libcurl says of a header line beyond its own limit.
    case CURLE_OUT_OF_MEMORY:
      return {Reason::kExchangeProtocol, "a header line is too long, or no memory is left", false};
    default: return {Reason::kExchangeUnreachable, curl_easy_strerror(code), false};
  }
}

Judged Judge(Incoming::Refusal refusal) {
  switch (refusal) {
    case Incoming::Refusal::kHeaders: return {Reason::kExchangeProtocol, "the headers are too large", false};
    case Incoming::Refusal::kEncoding:
      return {Reason::kExchangeProtocol, "the answer has an encoding that was not asked for", false};
    case Incoming::Refusal::kMemory: return {Reason::kMemoryLimit, "no memory for the answer", false};
    case Incoming::Refusal::kNone:
    case Incoming::Refusal::kBody: break;
  }
  return {Reason::kExchangeProtocol, "the answer is too large", false};
}

std::unexpected<TransferFailure> Failure(Judged judged) {
  return std::unexpected(TransferFailure{{judged.reason, std::move(judged.what), {}, {}}, judged.may_pass});
}

class Transfer final : public CurlTransfer {
 public:
  Transfer(const HttpOptions& options, BaseUrl base, MultiHandle multi, EasyHandle easy)
      : options_(options), base_(std::move(base)), multi_(std::move(multi)), easy_(std::move(easy)) {}

  std::expected<HttpResponse, TransferFailure> Run(const HttpRequest& request, const std::string& url,
                                                   const std::stop_token& stop) override {
    Incoming incoming(options_.max_header_bytes, options_.max_response_bytes);
    std::array<char, CURL_ERROR_SIZE> detail{};
    HeaderList headers;
    if (!Headers(request, headers) || !Prepare(request, url, headers.get(), incoming, detail.data())) {
      return Failure({Reason::kMemoryLimit, "libcurl refuses the request", false});
    }
    const std::optional<CURLcode> code = Perform(stop);
    if (!code) return Failure({Reason::kCancelled, "stopped", false});
    if (const long refused = ProxyRefusal(); refused != 0) {
      return Failure({Reason::kExchangeRefused, "the proxy answers " + std::to_string(refused), false});
    }
    if (too_many_bytes_) return Failure(Judge(Incoming::Refusal::kBody));
    if (incoming.refusal() != Incoming::Refusal::kNone) return Failure(Judge(incoming.refusal()));
    if (*code != CURLE_OK) return Failure(Judge(*code, detail.data()));
    if (!incoming.has_whole_head()) return Failure(Judge(CURLE_PARTIAL_FILE, detail.data()));
    long status = 0;
    curl_easy_getinfo(easy_.get(), CURLINFO_RESPONSE_CODE, &status);
    incoming.response().status = static_cast<int>(status);
    return std::move(incoming.response());
  }

 private:
  // False: no memory.
  bool Headers(const HttpRequest& request, HeaderList& list) const {
    const auto add = [&list](const std::string& line) {
      // Gives the same list back, unless there was none.
      curl_slist* const first = curl_slist_append(list.get(), line.c_str());
      if (list == nullptr) list.reset(first);
      return first != nullptr;
    };
    // libcurl's own guesses: it would wait for "100 Continue", and call every body a form.
    bool ok = add("Expect:");
    bool has_type = false;
    for (const std::vector<HttpHeader>* headers : {&options_.headers, &request.headers}) {
      for (const auto& [name, value] : *headers) {
        has_type = has_type || curl_strequal(name.c_str(), "content-type") != 0;
        std::string line = name;
        line.append(value.empty() ? ";" : ": ").append(value);
        ok = ok && add(line);
      }
    }
    return ok && (has_type || add("Content-Type:"));
  }

  bool Prepare(const HttpRequest& request, const std::string& url, curl_slist* headers, Incoming& incoming,
               char* detail) {
    // Connections, names and TLS sessions are kept by the multi handle; options never last.
    curl_easy_reset(easy_.get());
    Setter set(easy_.get());
    set.SetText(CURLOPT_URL, url);
    set.Set(CURLOPT_HTTPHEADER, headers);
    set.SetText(CURLOPT_USERAGENT, "hashgate/" + std::string(EngineVersion()));
    SetMethod(set, request);
    SetBounds(set);
    SetTrust(set);
    SetProxy(set);
    set.Set(CURLOPT_HEADERFUNCTION, &Incoming::OnHeader);
    set.Set(CURLOPT_HEADERDATA, &incoming);
    set.Set(CURLOPT_WRITEFUNCTION, &Incoming::OnBody);
    set.Set(CURLOPT_WRITEDATA, &incoming);
    set.Set(CURLOPT_ERRORBUFFER, detail);
    return set.ok();
  }

  static void SetMethod(Setter& set, const HttpRequest& request) {
    if (!request.body.empty() || request.method == "POST" || request.method == "PUT") {
      set.Set(CURLOPT_POSTFIELDS, request.body.data());
      set.Set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
    } else if (request.method == "HEAD") {
      set.SetLong(CURLOPT_NOBODY, 1);
    }
    set.SetText(CURLOPT_CUSTOMREQUEST, request.method);
    // libcurl sends a request again by itself where a kept connection turns out to be dead.
    set.SetLong(CURLOPT_FRESH_CONNECT, request.retry ? 0 : 1);
  }

  void SetBounds(Setter& set) const {
    set.SetLong(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(options_.connect_timeout.count()));
    set.SetLong(CURLOPT_TIMEOUT_MS, static_cast<long>(options_.request_timeout.count()));
    set.SetLong(CURLOPT_LOW_SPEED_LIMIT, kStallBytesPerSecond);
    set.SetLong(CURLOPT_LOW_SPEED_TIME, static_cast<long>(options_.stall_timeout.count()));
    set.SetText(CURLOPT_ACCEPT_ENCODING, "gzip");
    set.SetLong(CURLOPT_NOSIGNAL, 1);
    // A name that is being looked up when the transfer is stopped is not waited for.
    set.SetLong(CURLOPT_QUICK_EXIT, 1);
  }

  void SetTrust(Setter& set) const {
    set.SetText(CURLOPT_PROTOCOLS_STR, base_.is_https ? "https" : "http");
    set.SetLong(CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
    set.SetLong(CURLOPT_FOLLOWLOCATION, 0);
    set.SetLong(CURLOPT_NETRC, CURL_NETRC_IGNORED);
    set.SetLong(CURLOPT_SSL_VERIFYPEER, 1);
    set.SetLong(CURLOPT_SSL_VERIFYHOST, 2);
    set.SetLong(CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2);
    if (!options_.ca_file.empty()) {
      set.SetText(CURLOPT_CAINFO, options_.ca_file);
      // Else the system's folder of authorities would be trusted beside the file.
      set.Set(CURLOPT_CAPATH, static_cast<const char*>(nullptr));
    }
    if (!options_.username.empty()) {
      set.SetLong(CURLOPT_HTTPAUTH, static_cast<long>(CURLAUTH_BASIC));
      set.SetText(CURLOPT_USERNAME, options_.username);
      set.SetText(CURLOPT_PASSWORD, options_.password);
    }
  }

  void SetProxy(Setter& set) const {
    // An empty text is what keeps libcurl from asking the environment.
    set.SetText(CURLOPT_PROXY, base_.is_loopback ? std::string() : options_.proxy);
    set.SetText(CURLOPT_NOPROXY, "");
    set.SetLong(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1);
    if (options_.proxy.empty() || options_.proxy_username.empty()) return;
    set.SetLong(CURLOPT_PROXYAUTH, static_cast<long>(CURLAUTH_BASIC));
    set.SetText(CURLOPT_PROXYUSERNAME, options_.proxy_username);
    set.SetText(CURLOPT_PROXYPASSWORD, options_.proxy_password);
  }

  // Empty where it was stopped.
  std::optional<CURLcode> Perform(const std::stop_token& stop) {
    CURLM* const multi = multi_.get();
    too_many_bytes_ = false;
    if (curl_multi_add_handle(multi, easy_.get()) != CURLM_OK) return CURLE_OUT_OF_MEMORY;
    std::optional<CURLcode> code = Drive(stop);
    curl_multi_remove_handle(multi, easy_.get());
    return code;
  }

  std::optional<CURLcode> Drive(const std::stop_token& stop) {
    CURLM* const multi = multi_.get();
    const std::stop_callback wake(stop, [multi] { curl_multi_wakeup(multi); });
    for (int running = 1; running > 0;) {
      if (stop.stop_requested()) return std::nullopt;
      if (curl_multi_perform(multi, &running) != CURLM_OK) return CURLE_OUT_OF_MEMORY;
      // Bytes as they came over the wire: packed ones may unpack to none.
      curl_off_t received = 0;
      curl_easy_getinfo(easy_.get(), CURLINFO_SIZE_DOWNLOAD_T, &received);
      too_many_bytes_ = received > 0 && static_cast<std::uint64_t>(received) > options_.max_response_bytes;
      if (too_many_bytes_) return CURLE_WRITE_ERROR;
      if (running > 0 && curl_multi_poll(multi, nullptr, 0, 1'000, nullptr) != CURLM_OK) {
        return CURLE_OUT_OF_MEMORY;
      }
    }
    int left = 0;
    const CURLMsg* const message = curl_multi_info_read(multi, &left);
    return message != nullptr && message->msg == CURLMSG_DONE ? message->data.result : CURLE_RECV_ERROR;
  }

  // The status with which a proxy refused to connect us for lack of rights, or 0.
  long ProxyRefusal() {
    long status = 0;
    curl_easy_getinfo(easy_.get(), CURLINFO_HTTP_CONNECTCODE, &status);
    return status == 401 || status == 403 || status == 407 ? status : 0;
  }

  const HttpOptions& options_;
  const BaseUrl base_;
  MultiHandle multi_;  // outlives what was added to it
  EasyHandle easy_;
  bool too_many_bytes_ = false;
};

// Not thread-safe in all builds of libcurl, so once, at a point that all threads wait for.
bool StartLibcurl() {
  static const bool started = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
  return started;
}

}  // namespace

Result<std::unique_ptr<CurlTransfer>> CurlTransfer::Create(const HttpOptions& options, const BaseUrl& base) {
  if (!StartLibcurl()) return Fail(Reason::kMemoryLimit, "libcurl does not start");
  MultiHandle multi(curl_multi_init());
  EasyHandle easy(curl_easy_init());
  if (multi == nullptr || easy == nullptr) return Fail(Reason::kMemoryLimit, "libcurl has no memory");
  return std::make_unique<Transfer>(options, base, std::move(multi), std::move(easy));
}

}  // namespace hashgate::exchange
