// A feed's folder on disk.
#pragma once

#include <memory>
#include <string>

#include "exchange/signed/feed_writer.h"

namespace hashgate::cli {

/// Makes the folder where it is not there, and holds it against others who would publish there meanwhile.
/// What a publisher that was killed left half written is removed. Files are readable by their owner only.
/// Errors: kFileUnreadable.
Result<std::unique_ptr<exchange::FeedFolder>> OpenFeedDirectory(const std::string& path);

}  // namespace hashgate::cli
