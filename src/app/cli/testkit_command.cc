#include <ostream>

#include "app/cli/commands.h"
#include "app/cli/output.h"
#include "testkit/testkit.h"

namespace hashgate::cli {

int RunTestkit(const TestkitArguments& arguments, const GlobalOptions& options, Environment& environment) {
  {
    Progress progress(environment);
    const Status written = testkit::WriteKit(arguments.folder, [&](std::size_t done, std::size_t total) {
      progress.Show(done, total, "files written");
    });
    if (!written) {
      progress.Clear();
      return ReportError(environment, options, written.error());
    }
  }
  const std::size_t files = testkit::Files().size();
  if (options.json) {
    environment.out << JsonObject()
                           .Text("folder", arguments.folder)
                           .Number("files", static_cast<std::int64_t>(files))
                           .Line()
                    << '\n';
  } else {
    environment.out << Count(files, "file", "files") << " written to " << Printable(arguments.folder)
                    << "; README.txt there says how to use them.\n";
  }
  return kDone;
}

}  // namespace hashgate::cli
