// The configuration keys of [model] that only networks of pictures, sounds and texts have.
#include "gradus/train/config_key_kinds.h"

namespace gradus::keys {

std::vector<Key> network_keys() {
  constexpr Range kFew = {.low = 1, .high = 64};
  return {
      {"model.channels", integers(kSize), std::vector<int64_t>{32, 64}, model_is({"cnn"}),
       "Channels of each stage's convolutions; behind a stage the picture has half its size."},
      {"model.convolutions", integer(kFew), 1, model_is({"cnn"}), "Convolutions in a stage."},
      {"model.kernel", integer(kFew), 3, model_is({"cnn"}), "Size of the convolutions' windows, down and across."},
      {"model.padding", choice({"same", "valid"}), "same", model_is({"cnn"}),
       "`same`: zeros around the picture, so that a convolution with an odd kernel keeps its size. `valid`: none."},
      {"model.pool", choice({"max", "average"}), "max", model_is({"cnn"}),
       "What a stage takes of each 2 × 2 neighbours at its end."},
      {"model.global_pool", boolean(), false, model_is({"cnn"}),
       "Whether the linear layers see the mean over all places, or each place."},
      {"model.batch_norm", boolean(), false, model_is({"cnn"}), "Whether each convolution has a batch norm behind it."},
      {"model.dimensions", integer({.low = 1, .high = 2}), 2, model_is({"cnn"}),
       "2: convolutions move down and across a picture, or in time and pitch of a sound. 1: in time alone, each pitch "
       "being a channel."},
      {"model.depth",
       integer(kFew),
       18,
       model_is({"vgg", "resnet"}),
       "Layers with weights: 18, 34 or 50 of `resnet`; 11, 13, 16 or 19 of `vgg`.",
       {},
       {{"model.kind", {{"vgg", 11}}}}},
      {"model.stem", choice({"small", "large"}), Unset{"`small` for pictures of up to 64 pixels a side, else `large`"},
       model_is({"resnet"}),
       "How a `resnet` begins. `small`: a 3 × 3 convolution at full size. `large`: one of 7 × 7 and pooling, which "
       "leave a "
       "quarter of it."},
      {"model.patch", integers(kSize), std::vector<int64_t>{4}, model_is({"vit"}),
       "Size of the patches that pictures are cut into: a side, or two numbers, down and across. They are divisors of "
       "the "
       "picture's."},
      {"model.cell", choice({"lstm", "gru"}), "lstm", model_is({"rnn"}), "What the recurrent layers are made of."},
      {"model.bidirectional", boolean(), false, model_is({"rnn"}),
       "Whether each layer also reads from the end to the start, with weights of its own."},
      {"model.code", integer(kSize), 32, model_is({"autoencoder"}), "Numbers of a code."},
  };
}

}  // namespace gradus::keys
