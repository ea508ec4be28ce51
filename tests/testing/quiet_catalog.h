// A catalogue that does everything on the calling thread, so that a test sees it done.
#pragma once

#include <gtest/gtest.h>

#include <memory>

#include "lists/catalog.h"
#include "store/store.h"

namespace hashgate::testing {

/// Null, and a failure, where the store cannot be opened.
inline std::unique_ptr<lists::Catalog> OpenQuietCatalog(store::Store& store) {
  lists::CatalogOptions options;
  options.remove_in_background = false;
  options.merge_in_background = false;
  options.commit_in_background = false;
  options.take_care = false;
  auto opened = lists::Catalog::Open(store, options);
  EXPECT_TRUE(opened) << opened.error().message;
  return opened ? *std::move(opened) : nullptr;
}

}  // namespace hashgate::testing
