// hashgate-decoder-tiff: TIFF, apart from the other codecs.
#include "decoder/spawner_main.h"
#include "image/process.h"
#include "image/tiff/tiff.h"

int main(int argc, char** argv) {
  hashgate::image::UseCodecs(hashgate::image::TiffCodecs());
  return hashgate::decoder::SpawnerMain(argc, argv,
                                        {.process = hashgate::image::ProcessUpload,
                                         .warm_up = hashgate::image::WarmUpTiff,
                                         .worker_class = hashgate::decode::WorkerClass::kTiff});
}
