#include "exchange/http/incoming.h"

#include <algorithm>
#include <new>
#include <string>
#include <utility>

namespace hashgate::exchange {
namespace {

std::string_view Trimmed(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r\n";
  const std::size_t first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

std::string LowerCase(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return out;
}

}  // namespace

std::size_t Incoming::OnHeader(char* data, std::size_t, std::size_t size, void* self) {
  return static_cast<Incoming*>(self)->Take(&Incoming::AddHeader, {data, size});
}

std::size_t Incoming::OnBody(char* data, std::size_t, std::size_t size, void* self) {
  return static_cast<Incoming*>(self)->Take(&Incoming::AddBody, {data, size});
}

// libcurl ends a transfer whose callback takes another number of bytes than it was given. No exception may
// pass it.
std::size_t Incoming::Take(Refusal (Incoming::*add)(std::string_view), std::string_view data) {
  try {
    refusal_ = (this->*add)(data);
  } catch (const std::bad_alloc&) {
    refusal_ = Refusal::kMemory;
  }
  return refusal_ == Refusal::kNone ? data.size() : data.size() + 1;
}

Incoming::Refusal Incoming::AddHeader(std::string_view line) {
  header_bytes_ += line.size();
  if (header_bytes_ > max_header_bytes_) return Refusal::kHeaders;
  const bool is_status = line.starts_with("HTTP/");
  // Interim answers (1xx) come first, each with headers of its own.
  if (is_status) {
    response_.headers.clear();
    has_whole_head_ = false;
  }
  has_whole_head_ = has_whole_head_ || Trimmed(line).empty();
  const std::size_t colon = line.find(':');
  if (is_status || colon == std::string_view::npos) return Refusal::kNone;
  HttpHeader header{LowerCase(Trimmed(line.substr(0, colon))), std::string(Trimmed(line.substr(colon + 1)))};
  // libcurl undoes what the server names, several times over, whether it was asked for or not.
  if (header.name == "content-encoding") {
    const std::string coding = LowerCase(header.value);
    if (coding != "gzip" && coding != "x-gzip" && coding != "identity") return Refusal::kEncoding;
  }
  response_.headers.push_back(std::move(header));
  return Refusal::kNone;
}

Incoming::Refusal Incoming::AddBody(std::string_view data) {
  if (data.size() > max_body_bytes_ - response_.body.size()) return Refusal::kBody;
  response_.body.append(data);
  return Refusal::kNone;
}

}  // namespace hashgate::exchange
