#!/usr/bin/env python3
"""Writes tests/references/metrics.json: what scikit-learn (and numpy) say of predictions and clusters, in float64.

    python3 tools/make_metric_references.py        (needs scikit-learn; the file names the versions used)

Classes are 0 to `classes` - 1 and all are named to scikit-learn as labels. null stands for NaN: what scikit-learn
leaves undefined (it warns or raises), and gradus answers with NaN. The `large` values are of numbers that tests make by
the same formula as `sequence`.
"""

import json
import math
import pathlib
import warnings

import numpy as np
import sklearn
from scipy.spatial.distance import cdist
from sklearn import metrics as sk
from sklearn.preprocessing import label_binarize

random = np.random.default_rng(7)


def plain(x):
    """As JSON has it: lists, and null for NaN."""
    if isinstance(x, dict):
        return {key: plain(value) for key, value in x.items()}
    if isinstance(x, (list, tuple, np.ndarray)):
        return [plain(value) for value in x]
    if isinstance(x, (float, np.floating)):
        return None if math.isnan(x) else float(x)
    return int(x) if isinstance(x, np.integer) else x


def sequence(count, step):
    """Numbers in [0, 1) that lie evenly, the same bits in any language: the fraction of i * step, i from 1 on."""
    return np.mod(np.arange(1, count + 1) * step, 1.0)


def drawn_weights(count):
    weights = np.round(random.uniform(0.1, 3.0, count), 3)
    weights[:: max(2, count // 4)] = 0.0
    return weights


# ---- predicted classes

def classification(truth, predicted, classes, weights=None):
    labels = range(classes)

    def average(kind):
        values = sk.precision_recall_fscore_support(truth, predicted, labels=labels, average=kind,
                                                    sample_weight=weights, zero_division=0)
        return values[:3]

    return dict(
        matrix=np.ravel(sk.confusion_matrix(truth, predicted, labels=labels, sample_weight=weights)).astype(float),
        accuracy=sk.accuracy_score(truth, predicted, sample_weight=weights),
        balanced_accuracy=sk.balanced_accuracy_score(truth, predicted, sample_weight=weights),
        matthews=sk.matthews_corrcoef(truth, predicted, sample_weight=weights),
        per_class=np.array(sk.precision_recall_fscore_support(truth, predicted, labels=labels, sample_weight=weights,
                                                              zero_division=0)).T,
        micro=average("micro"), macro=average("macro"), weighted=average("weighted"),
    )


def classification_cases():
    def case(name, truth, predicted, classes, weights=None):
        return dict(name=name, classes=classes, truth=truth, predicted=predicted, weights=weights,
                    expected=classification(truth, predicted, classes, weights))

    three, guess = random.integers(0, 3, 40), random.integers(0, 3, 40)
    mostly = np.where(random.uniform(size=40) < 0.6, three, guess)
    return [
        case("three classes", three, mostly, 3),
        case("weights, some of them 0", three, mostly, 3, drawn_weights(40)),
        case("two classes", three % 2, mostly % 2, 2),
        case("a class never predicted", three, np.minimum(mostly, 1), 3),
        case("a class never true", np.minimum(three, 1), mostly, 3),
        case("classes neither true nor predicted", three + 1, mostly + 1, 6),
        case("truths of a single class", np.ones(20, int), mostly[:20], 3),
        case("constant predictions", three, np.full(40, 2), 3),
        case("one class and nothing else", np.zeros(5, int), np.zeros(5, int), 1),
        case("all wrong", [0, 0, 1, 1], [1, 1, 0, 0], 2),
        case("all right", [0, 2, 1, 1], [0, 2, 1, 1], 3, [0.5, 1.0, 2.0, 0.25]),
        case("all that is of a class weighs 0", [0, 0, 1, 2], [0, 1, 1, 0], 3, [1.0, 2.0, 0.5, 0.0]),
        case("a single example", [1], [1], 2),
    ]


# ---- scores

def has_weight(truth, of, weights):
    weights = np.ones(len(truth)) if weights is None else np.asarray(weights)
    return weights[np.asarray(truth) == of].sum() > 0


def ranking_of_two(truth, scores, weights=None):
    result = dict(roc_auc=math.nan, average_precision=math.nan)
    if has_weight(truth, 1, weights):
        result["average_precision"] = sk.average_precision_score(truth, scores, sample_weight=weights)
        if has_weight(truth, 0, weights):
            result["roc_auc"] = sk.roc_auc_score(truth, scores, sample_weight=weights)
    return result


def ranking(truth, scores, classes, weights=None):
    labels = list(range(classes))
    one_hot = label_binarize(truth, classes=labels)
    per_class = [ranking_of_two(one_hot[:, c], scores[:, c], weights) for c in labels]
    per_class = {name: [values[name] for values in per_class] for name in ("roc_auc", "average_precision")}
    result = dict(roc_auc=dict(per_class=per_class["roc_auc"]),
                  average_precision=dict(per_class=per_class["average_precision"]))
    for average in ("micro", "macro", "weighted"):
        result["roc_auc"][average] = sk.roc_auc_score(truth, scores, labels=labels, multi_class="ovr", average=average,
                                                      sample_weight=weights)
        result["average_precision"][average] = sk.average_precision_score(one_hot, scores, average=average,
                                                                          sample_weight=weights)
    # scikit-learn warns and takes 0 for a class without examples; here it is undefined, and so is the mean with it.
    if any(math.isnan(x) for x in per_class["average_precision"]):
        result["average_precision"]["macro"] = math.nan
    result["top_k"] = [sk.top_k_accuracy_score(truth, scores, k=k, labels=labels, sample_weight=weights)
                       for k in range(1, classes + 1)]
    return result


def probabilities(count, classes, digits=4):
    p = np.round(random.dirichlet(np.full(classes, 0.7), count), digits)
    p[:, -1] = 1.0 - p[:, :-1].sum(axis=1)
    return np.abs(np.round(p, digits))


def ranking_cases():
    def two(name, truth, scores, weights=None):
        return dict(name=name, classes=2, truth=truth, scores=scores, weights=weights,
                    expected=ranking_of_two(truth, scores, weights))

    def several(name, truth, scores, weights=None):
        classes = scores.shape[1]
        return dict(name=name, classes=classes, truth=truth, scores=np.ravel(scores), weights=weights,
                    expected=ranking(truth, scores, classes, weights))

    truth, scores = random.integers(0, 2, 40), np.round(random.normal(size=40), 4)
    shifted, weights = np.round(scores + truth, 4), drawn_weights(40)
    four, p = random.integers(0, 4, 30), probabilities(30, 4)
    return [
        two("two classes", truth, shifted),
        two("chance", truth, scores),
        two("ties", truth, np.round(shifted)),
        two("weights, some of them 0", truth, shifted, weights),
        two("ties with weights", truth, np.round(shifted), weights),
        two("constant scores", truth, np.full(40, 0.5)),
        two("constant scores with weights", truth, np.full(40, 0.5), weights),
        two("all in order", [0, 0, 1, 1], [-2.0, -1.0, 0.0, 5.0]),
        two("all the wrong way", [1, 1, 0, 0], [-2.0, -1.0, 0.0, 5.0]),
        two("none is positive", np.zeros(5, int), [1.0, 2.0, 3.0, 4.0, 5.0]),
        two("all are positive", np.ones(5, int), [1.0, 2.0, 3.0, 4.0, 5.0]),
        two("no positive has weight", [0, 1, 0, 1], [0.1, 0.2, 0.3, 0.4], [1.0, 0.0, 2.0, 0.0]),
        two("the highest score has no weight", [0, 1, 0, 1], [0.9, 0.2, 0.1, 0.4], [0.0, 1.0, 2.0, 1.0]),
        several("four classes", four, p),
        several("four classes with weights", four, p, drawn_weights(30)),
        several("four classes with ties", four, probabilities(30, 4, 1)),
        several("a class without examples", np.minimum(four, 2), p),
        several("a class without weight", four, p, np.where(four == 1, 0.0, 1.5)),
    ]


# ---- probabilities

def calibration_error(truth, p, bins, weights):
    """Over bins (i/bins, (i+1)/bins], and 0 in the first, of the highest probability, the first of equal ones."""
    weights = np.ones(len(truth)) if weights is None else np.asarray(weights)
    confidence, right = p.max(axis=1), p.argmax(axis=1) == truth
    bin_of = np.maximum(np.searchsorted(np.arange(bins + 1) / bins, confidence, side="left") - 1, 0)
    error = 0.0
    for b in range(bins):
        w = weights * (bin_of == b)
        if w.sum() > 0:
            error += w.sum() * abs(np.average(right, weights=w) - np.average(confidence, weights=w))
    return error / weights.sum()


def of_probabilities(truth, p, weights=None):
    wide = p if p.ndim == 2 else np.stack([1 - p, p], axis=1)
    labels = list(range(wide.shape[1]))
    brier = (sk.brier_score_loss(truth, wide, labels=labels, sample_weight=weights) if len(labels) > 2
             else sk.brier_score_loss(np.asarray(truth), wide[:, 1], pos_label=1, sample_weight=weights))
    return dict(log_loss=sk.log_loss(truth, p, labels=labels, sample_weight=weights), brier=brier,
                calibration={str(bins): calibration_error(truth, wide, bins, weights) for bins in (1, 2, 10, 15, 49)})


def probability_cases():
    def case(name, truth, p, weights=None):
        p = np.asarray(p)
        return dict(name=name, classes=p.shape[1] if p.ndim == 2 else 2, truth=truth, probabilities=np.ravel(p),
                    weights=weights, expected=of_probabilities(truth, p, weights))

    four, p = random.integers(0, 4, 30), probabilities(30, 4)
    truth, one = random.integers(0, 2, 30), np.round(random.uniform(size=30), 4)
    return [
        case("four classes", four, p),
        case("four classes with weights", four, p, drawn_weights(30)),
        case("two classes of one number", truth, one),
        case("two classes of one number with weights", truth, one, drawn_weights(30)),
        case("two classes of two numbers", truth, np.stack([1 - one, one], axis=1)),
        case("certain, and sometimes wrong", [0, 1, 2, 2], np.eye(3)[[0, 1, 2, 0]]),
        case("half and half", [0, 1, 1, 1], np.full(4, 0.5)),
        case("all alike", [0, 1, 2, 2], np.full((4, 3), 1 / 3)),
        case("on the edges of bins", [0, 1, 1, 0, 1, 1], [0.1, 0.2, 0.7, 0.6, 0.9, 1.0]),
        case("a class without examples", np.minimum(four, 2), p),
        case("truths of a single class", np.ones(30, int), one),
    ]


# ---- numbers

def regression(truth, predicted, weights=None, positive=False):
    truth, predicted = np.asarray(truth, float), np.asarray(predicted, float)
    w = dict(sample_weight=weights)
    result = dict(
        mean_squared_error=sk.mean_squared_error(truth, predicted, **w),
        root_mean_squared_error=sk.root_mean_squared_error(truth, predicted, **w),
        mean_absolute_error=sk.mean_absolute_error(truth, predicted, **w),
        median_absolute_error=sk.median_absolute_error(truth, predicted, **w),
        max_error=sk.max_error(truth, predicted),
        r2=sk.r2_score(truth, predicted, **w),
        explained_variance=sk.explained_variance_score(truth, predicted, **w),
        pinball={str(q): sk.mean_pinball_loss(truth, predicted, alpha=q, **w) for q in (0.0, 0.1, 0.5, 0.9, 1.0)},
    )
    powers = [0.0] + ([-1.5, 1.0, 1.5, 2.0, 3.0] if positive else [])
    result["tweedie"] = {str(p): sk.mean_tweedie_deviance(truth, predicted, power=p, **w) for p in powers}
    if positive:
        result["poisson"] = sk.mean_poisson_deviance(truth, predicted, **w)
        result["gamma"] = sk.mean_gamma_deviance(truth, predicted, **w)
    return result


def regression_cases():
    def case(name, truth, predicted, weights=None, positive=False):
        return dict(name=name, truth=truth, predicted=predicted, weights=weights,
                    expected=regression(truth, predicted, weights, positive))

    def counts(name, truth, predicted, powers, weights=None):
        return dict(name=name, truth=truth, predicted=predicted, weights=weights,
                    expected=dict(tweedie={str(p): sk.mean_tweedie_deviance(truth, predicted, power=p,
                                                                            sample_weight=weights) for p in powers}))

    y = np.round(random.normal(3.0, 2.0, 31), 4)
    p = np.round(y + random.normal(0.2, 1.0, 31), 4)
    mean, of_it = np.round(random.gamma(2.0, 3.0, 30), 4) + 0.01, np.round(random.gamma(2.0, 3.0, 30), 4) + 0.01
    return [
        case("numbers", y, p),
        case("an even number of them", y[:30], p[:30]),
        case("weights, some of them 0", y, p, drawn_weights(31)),
        case("whole weights, with ties", np.round(y), np.round(p), random.integers(0, 4, 31).astype(float)),
        case("far from 0", y + 1e6, p + 1e6),
        case("above 0", of_it, mean, positive=True),
        case("above 0 with weights", of_it, mean, drawn_weights(30), positive=True),
        counts("counts, some of them 0", np.floor(of_it / 3), mean, [1.0, 1.2, 1.9]),
        counts("counts with weights", np.floor(of_it / 3), mean, [1.0, 1.5], drawn_weights(30)),
        counts("any numbers of a negative power", y, mean[np.arange(31) % 30], [-0.5, -2.0]),
        case("equal truths, met", [2.0, 2.0, 2.0], [2.0, 2.0, 2.0], positive=True),
        case("equal truths, missed", [2.0, 2.0, 2.0], [2.0, 2.5, 1.0], positive=True),
        case("equal truths, missed by one number", [2.0, 2.0, 2.0], [2.5, 2.5, 2.5]),
        case("constant predictions", [1.0, 2.0, 4.0], [2.0, 2.0, 2.0], positive=True),
        case("all right", [1.0, 2.0, 4.0], [1.0, 2.0, 4.0], positive=True),
        case("a single example", [1.0], [3.0], positive=True),
        case("half of the weight at an example", [1.0, 2.0, 3.0, 4.0], [0.0, 0.0, 0.0, 0.0], [1.0, 1.0, 0.0, 2.0]),
    ]


# ---- clusters

def clustering(points, labels, exact=False):
    """`exact`: distances of equal points are exactly 0, which scikit-learn's own formula does not give."""
    x = np.asarray(points, np.float32).astype(np.float64)
    silhouettes = (sk.silhouette_samples(cdist(x, x), labels, metric="precomputed") if exact
                   else sk.silhouette_samples(x, labels))
    return dict(silhouettes=silhouettes, silhouette=silhouettes.mean(),
                calinski_harabasz=sk.calinski_harabasz_score(x, labels),
                davies_bouldin=sk.davies_bouldin_score(x, labels))


def clustering_cases():
    def case(name, points, labels, exact=False):
        points = np.asarray(points, np.float32)
        return dict(name=name, features=points.shape[1], points=np.ravel(points), labels=labels,
                    expected=clustering(points, labels, exact))

    labels = random.integers(0, 4, 45)
    points = np.round(random.normal(size=(45, 3)) + labels[:, None], 2)
    return [
        case("four clusters", points, labels * 3 - 1),
        case("two of one feature", points[:, :1], np.minimum(labels, 1), exact=True),
        case("some alone in their cluster", points, np.where(np.arange(45) < 3, 50 + np.arange(45), labels)),
        case("as many clusters as can be", points[:10], np.minimum(np.arange(10), 8)),
        case("equal points in one cluster and in two", np.repeat(points[:10], 3, axis=0), np.arange(30) % 4,
             exact=True),
        case("clusters of equal points", [[0, 0]] * 3 + [[1, 0]] * 3 + [[0, 2]] * 2, [0, 0, 0, 1, 1, 1, 2, 2],
             exact=True),
        case("means that coincide", [[1, 0], [-1, 0], [0, 1], [0, -1], [5, 5], [6, 5]], [0, 0, 1, 1, 2, 2]),
        case("far from 0", points + 1000.0, labels, exact=True),
    ]


MEANS = ("arithmetic", "geometric", "min", "max")


def v_measure(truth, labels, beta):
    try:
        return sk.homogeneity_completeness_v_measure(truth, labels, beta=beta)
    except ZeroDivisionError:  # of beta 0 and completeness 0
        return *sk.homogeneity_completeness_v_measure(truth, labels)[:2], math.nan


def agreement(truth, labels):
    return dict(
        adjusted_rand=sk.adjusted_rand_score(truth, labels),
        mutual_information=sk.mutual_info_score(truth, labels) if len(truth) else math.nan,
        normalized={mean: sk.normalized_mutual_info_score(truth, labels, average_method=mean) for mean in MEANS},
        adjusted={mean: sk.adjusted_mutual_info_score(truth, labels, average_method=mean) for mean in MEANS},
        v_measure={str(beta): v_measure(truth, labels, beta) for beta in (0.0, 0.5, 1.0, 2.0)},
    )


def agreement_cases():
    def case(name, truth, labels):
        return dict(name=name, truth=truth, labels=labels, expected=agreement(np.array(truth), np.array(labels)))

    truth = random.integers(0, 4, 50)
    alone = case("each alone", truth[:20], np.arange(20))
    alone["expected"]["adjusted"]["min"] = 1.0  # 0/0, of which scikit-learn gives the rounding errors' ratio
    near = np.where(random.uniform(size=50) < 0.7, truth, random.integers(0, 5, 50))
    return [
        case("near each other", truth, near * 10 - 7),
        case("chance", truth, random.integers(0, 3, 50)),
        case("the same under other names", truth, (truth + 2) % 4),
        alone,
        case("each alone in both", np.arange(9), np.arange(9)[::-1]),
        case("one cluster", truth, np.zeros(50, int)),
        case("one class", np.zeros(50, int), truth),
        case("one of each", np.zeros(7, int), np.full(7, 3)),
        case("a single example", [4], [2]),
        case("finer", truth, truth * 2 + np.arange(50) % 2),
        case("none", np.array([], int), np.array([], int)),
        case("worse than chance", [0, 0, 1, 1], [0, 1, 0, 1]),
    ]


# ---- many, made by a formula

def large():
    n, k = 20000, 5
    truth = np.floor(sequence(n, math.sqrt(2.0)) * k).astype(int)
    p = sequence(n * k, math.sqrt(3.0)).reshape(n, k)
    p[np.arange(n), truth] += 0.25
    p = np.floor(p * 1000.0) + 1.0  # with ties
    total = p[:, 0]
    for c in range(1, k):
        total = total + p[:, c]
    p = p / total[:, None]
    weights = sequence(n, math.sqrt(5.0))
    y, predicted = 0.5 + sequence(n, math.sqrt(7.0)), 0.5 + sequence(n, math.sqrt(11.0))
    points_labels = np.floor(sequence(1500, math.sqrt(2.0)) * 6).astype(int)
    points = (sequence(1500 * 8, math.sqrt(3.0)).reshape(1500, 8) + 0.5 * points_labels[:, None]).astype(np.float32)
    return dict(
        rows=n, classes=k, points=1500, features=8, clusters=6,
        classification=classification(truth, p.argmax(axis=1), k, weights),
        ranking=ranking(truth, p, k, weights),
        probabilities=of_probabilities(truth, p, weights),
        regression=regression(y, predicted, weights, positive=True),
        clustering={key: value for key, value in clustering(points, points_labels).items() if key != "silhouettes"},
        agreement=agreement(truth, p.argmax(axis=1)),
    )


def main():
    warnings.filterwarnings("ignore")
    path = pathlib.Path(__file__).resolve().parent.parent / "tests" / "references" / "metrics.json"
    parts = dict(classification=classification_cases(), ranking=ranking_cases(), probabilities=probability_cases(),
                 regression=regression_cases(), clustering=clustering_cases(), agreement=agreement_cases())
    text = '{"scikit-learn": "%s", "numpy": "%s",\n' % (sklearn.__version__, np.__version__)
    for name, cases in parts.items():
        lines = ",\n".join(json.dumps(plain(case), allow_nan=False) for case in cases)
        text += f'"{name}": [\n{lines}],\n'
    path.write_text(text + '"large": %s}\n' % json.dumps(plain(large()), allow_nan=False))
    print(path, path.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
