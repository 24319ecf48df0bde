// The JavaScript limiter with a clock that stands still until it is set. NODE_MODULES names where the packages are;
// UPSTASH_REDIS_REST_URL and UPSTASH_REDIS_REST_TOKEN where Redis is.
import { createRequire } from "node:module";
import { join } from "node:path";

const require = createRequire(join(process.env.NODE_MODULES, "from-here.js"));
const { Ratelimit } = require("@upstash/ratelimit");
const { Redis } = require("@upstash/redis");

export const PREFIX = "@upstash/ratelimit";
export const redis = new Redis({
  url: process.env.UPSTASH_REDIS_REST_URL,
  token: process.env.UPSTASH_REDIS_REST_TOKEN,
  enableTelemetry: false,
});

let now = Date.now();
Date.now = () => now;

export function setClock(ms) {
  now = ms;
}

// Without its block cache, so that every decision is one of the arithmetic; its own time-out would let requests pass.
export function limiter(limit, windowMs) {
  const window = Ratelimit.slidingWindow(limit, `${windowMs} ms`);
  return new Ratelimit({ redis, limiter: window, ephemeralCache: false, timeout: 0, analytics: false });
}
