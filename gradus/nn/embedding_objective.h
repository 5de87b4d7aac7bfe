// Losses of embeddings: outputs that lie near each other where the examples are of one class.
#pragma once

#include "gradus/nn/objective.h"

namespace gradus {

/// Of outputs (B, C) and classes i64 (B), each example against the others of its batch. kTriplet: `triplet_loss` of
/// each anchor with each of its own class and each of another, a mean over all of these (Schroff et al., "FaceNet",
/// 2015; "batch all" of Hermans et al., 2017). It takes memory for B² numbers. kInfoNce: minus the logarithm of the
/// softmax over all others of the cosines over `temperature`, of those of the anchor's own class its mean (Khosla et
/// al., "Supervised contrastive learning", 2020; van den Oord et al., 2018, where there is one); a mean over the
/// anchors that have such. A batch without has weight 0.
Loss embedding_loss(const Objective& objective, const Tensor& outputs, const Tensor& classes);

}  // namespace gradus
