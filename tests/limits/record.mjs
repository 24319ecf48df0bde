// Records what the JavaScript limiter decides: `node record.mjs > decisions.txt`; `scripts/local/redis_rest.py` serves Redis.
//
// A line `limit window_ms` begins a scenario; then, per decision: milliseconds since the one before (since 1970 for the
// first), current and previous counter before it, rate, `+` or `-` with what remains, milliseconds until reset.
import { limiter, PREFIX, redis, setClock } from "./javascript.mjs";

const DECISIONS = 180;
const START = Date.UTC(2026, 10, 20, 10, 59, 59, 900);
const SCENARIOS = [
  [10, 10_000], [100, 3_600_000], [1, 1_000], [3, 7_777], [60, 60_000], [30, 60_000], [20, 3_600_000], [100, 900_000],
  [1_000, 86_400_000], [7, 1_009], [2, 333_333], [50, 5_000],
];
const ROUNDS = 6;

// The same numbers in every run.
let seed = 20_261_120;
function random(below) {
  seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
  return Math.floor((seed / 2 ** 32) * below);
}

// Mostly bursts; now and then to the edge of a window, one to either side of it, far beyond it, or back.
function step(now, windowMs) {
  const toEdge = windowMs - (now % windowMs);
  const choice = random(100);
  if (choice < 45) return 0;
  if (choice < 60) return random(5);
  if (choice < 80) return random(Math.ceil(windowMs / 8));
  if (choice < 84) return toEdge - 1;
  if (choice < 88) return toEdge;
  if (choice < 92) return toEdge + 1;
  if (choice < 95) return random(windowMs);
  if (choice < 97) return windowMs + random(windowMs);
  if (choice < 98) return 2 * windowMs + random(3);
  return -random(Math.ceil(windowMs / 4));
}

function weight() {
  const choice = random(100);
  if (choice < 90) return 1;
  return choice < 97 ? 2 + random(4) : -1 - random(2);
}

const lines = [];
for (let round = 0; round < ROUNDS; round += 1) {
  for (const [limit, windowMs] of SCENARIOS) {
    const id = `recorded-${process.pid}-${round}-${limit}-${windowMs}`;
    const ratelimit = limiter(limit, windowMs);
    lines.push(`${limit} ${windowMs}`);
    let now = START + random(1_000_000_000);
    let before = 0;
    for (let made = 0; made < DECISIONS; made += 1) {
      now += step(now, windowMs);
      setClock(now);
      const index = Math.floor(now / windowMs);
      const keys = [index, index - 1].map((number) => `${PREFIX}:${id}:${number}`);
      const [current, previous] = (await redis.mget(...keys)).map((count) => count ?? 0);
      const rate = weight();
      const { success, remaining, reset } = await ratelimit.limit(id, { rate });
      const sign = success ? "+" : "-";
      lines.push(`${now - before} ${current} ${previous} ${rate} ${sign}${remaining} ${reset - now}`);
      before = now;
    }
  }
}
console.log(lines.join("\n"));
