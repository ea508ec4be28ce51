// hashgate-decoder-heif: HEIC and AVIF, apart from the other codecs.
#include "decoder/spawner_main.h"
#include "image/heif/heif.h"
#include "image/process.h"

int main(int argc, char** argv) {
  hashgate::image::UseCodecs(hashgate::image::HeifCodecs());
  return hashgate::decoder::SpawnerMain(argc, argv,
                                        {.process = hashgate::image::ProcessUpload,
                                         .warm_up = hashgate::image::WarmUpHeif,
                                         .worker_class = hashgate::decode::WorkerClass::kHeif});
}
