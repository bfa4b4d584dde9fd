"""Forecast monthly employment in one sector, some months ahead.

Fits an additive Holt-Winters model with a damped trend by grid search,
back-tests it on held-out months, and writes metrics.json, forecast.csv and
forecast.svg to SPATE_OUT. Python's standard library only.

The back-test is honest: the model's parameters are chosen on the months before
the first forecast is made, and each held-out month is forecast from what was
known `horizon` months earlier.
"""

import argparse
import csv
import itertools
import json
import os
import pathlib

SEASON = 12  # months
HELD_OUT = 24  # months that are forecast in the back-test
DATA = pathlib.Path(__file__).with_name("us-employment.csv")

# The grid of smoothing parameters.
ALPHAS = [0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 0.99]  # level
BETAS = [0.01, 0.02, 0.04, 0.06, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9]  # trend
GAMMAS = [0.01, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 0.95]  # season
DAMPINGS = [0.8, 0.85, 0.9, 0.95, 0.98, 1.0]


def read(sector):
    with DATA.open(newline="") as f:
        rows = list(csv.DictReader(f))
    if sector not in rows[0] or sector == "month":
        known = ", ".join(name for name in rows[0] if name != "month")
        raise SystemExit(f"there is no sector {sector!r}; there are {known}")
    return [row["month"] for row in rows], [float(row[sector]) for row in rows]


def forecasts(series, horizon, alpha, beta, gamma, damping):
    """For each month the forecast made `horizon` months before it, or None."""
    mean = sum(series[:SEASON]) / SEASON  # of the first year, so in its middle
    trend = (sum(series[SEASON : 2 * SEASON]) / SEASON - mean) / SEASON
    middle = (SEASON - 1) / 2
    season = [value - mean - trend * (t - middle) for t, value in enumerate(series[:SEASON])]
    level = mean + trend * middle
    reach = sum(damping**k for k in range(1, horizon + 1))  # of the trend
    ahead = [None] * (len(series) + horizon)
    for t, value in enumerate(series):
        at = t % SEASON
        if t >= SEASON:
            before = level
            level = alpha * (value - season[at]) + (1 - alpha) * (level + damping * trend)
            trend = beta * (level - before) + (1 - beta) * damping * trend
            season[at] = gamma * (value - level) + (1 - gamma) * season[at]
            ahead[t + horizon] = level + reach * trend + season[(t + horizon) % SEASON]
    return ahead


def fit(series, horizon):
    """The parameters with the least squared error over the series itself."""
    best, least = None, float("inf")
    for parameters in itertools.product(ALPHAS, BETAS, GAMMAS, DAMPINGS):
        ahead = forecasts(series, horizon, *parameters)
        error = sum((f - y) ** 2 for f, y in zip(ahead, series) if f is not None)
        if error < least:
            best, least = parameters, error
    return best


def backtest(series, horizon):
    """The parameters, the forecasts of the held-out months, and two errors."""
    known = series[: len(series) - HELD_OUT - horizon + 1]
    parameters = fit(known, horizon)
    first = len(series) - HELD_OUT
    ahead = forecasts(series, horizon, *parameters)[first : len(series)]
    actual = series[first:]
    errors = [abs(f - y) for f, y in zip(ahead, actual)]
    mape = sum(e / y for e, y in zip(errors, actual)) / len(actual)
    # The scale is the error of the seasonal-naive forecast on the known months
    # (Hyndman and Koehler, 2006): below 1 the model is the better of the two.
    naive = [abs(b - a) for a, b in zip(known, known[SEASON:])]
    mase = (sum(errors) / len(errors)) / (sum(naive) / len(naive))
    return parameters, ahead, {"mape": round(100 * mape, 4), "mase": round(mase, 4)}


def months_after(month, n):
    year, number = int(month[:4]), int(month[5:7]) - 1 + n
    return f"{year + number // 12}-{number % 12 + 1:02d}-01"


def write_csv(path, months, series, ahead, future):
    with path.open("w", newline="") as f:
        out = csv.writer(f)
        out.writerow(["month", "actual", "forecast"])
        first = len(series) - len(ahead)
        for month, actual, forecast in zip(months[first:], series[first:], ahead):
            out.writerow([month, actual, round(forecast, 2)])
        for n, forecast in enumerate(future, start=1):
            out.writerow([months_after(months[-1], n), "", round(forecast, 2)])


def write_svg(path, title, months, series, ahead, future):
    width, height, margin = 760, 320, 48
    values = series + ahead + future
    low, high = min(values), max(values)
    total = len(series) + len(future) - 1

    def point(t, value):
        x = margin + (width - 2 * margin) * t / total
        y = height - margin - (height - 2 * margin) * (value - low) / (high - low)
        return f"{x:.1f},{y:.1f}"

    def line(start, points, style):
        path = " ".join(point(start + t, value) for t, value in enumerate(points))
        return f'<polyline points="{path}" fill="none" stroke-width="2" {style}/>'

    def text(x, y, words, extra=""):
        return f'<text x="{x}" y="{y}" {extra}>{words}</text>'

    first = len(series) - len(ahead)
    years = [(t, month[:4]) for t, month in enumerate(months) if month[5:7] == "01"]
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        'font-family="sans-serif" font-size="12" fill="#444">',
        f'<rect width="{width}" height="{height}" fill="white"/>',
        text(margin, 24, title, 'font-size="15" fill="#111"'),
        text(margin, 40, f"thousands of jobs, {low:,.0f} to {high:,.0f}"),
        *(text(point(t, low).split(",")[0], height - margin + 18, year) for t, year in years),
        line(0, series, 'stroke="#888"'),
        line(first, ahead, 'stroke="#d9480f" stroke-dasharray="4 3"'),
        line(len(series) - 1, [series[-1]] + future, 'stroke="#1971c2"'),
        text(width - 250, height - 10, "actual", 'fill="#888"'),
        text(width - 200, height - 10, "back-test", 'fill="#d9480f"'),
        text(width - 135, height - 10, "forecast", 'fill="#1971c2"'),
        "</svg>",
    ]
    path.write_text("\n".join(parts) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sector", required=True)
    parser.add_argument("--horizon", type=int, required=True, help="months ahead, 1 to 24")
    args = parser.parse_args()
    if not 1 <= args.horizon <= 24:
        parser.error("a horizon is 1 to 24 months")

    months, series = read(args.sector)
    parameters, ahead, metrics = backtest(series, args.horizon)
    # What is to come is forecast with parameters that have seen every month.
    final = fit(series, args.horizon)
    future = forecasts(series, args.horizon, *final)[len(series) :]

    out = pathlib.Path(os.environ.get("SPATE_OUT", "."))
    (out / "metrics.json").write_text(json.dumps(metrics) + "\n")
    write_csv(out / "forecast.csv", months, series, ahead, future)
    title = f"{args.sector.replace('_', ' ')}, {args.horizon} months ahead: error {metrics['mape']:.2f} %"
    write_svg(out / "forecast.svg", title, months, series, ahead, future)
    print("level %g, trend %g, season %g, damping %g" % parameters)
    print(f"mape {metrics['mape']} %, mase {metrics['mase']}")


if __name__ == "__main__":
    main()
