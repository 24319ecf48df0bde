// Takes one per line of the input, `identifier limit window_ms now_ms`, and answers `success remaining reset_ms`.
import { createInterface } from "node:readline";
import { limiter, setClock } from "./javascript.mjs";

for await (const line of createInterface({ input: process.stdin })) {
  const [identifier, limit, windowMs, now] = line.split(" ");
  setClock(Number(now));
  const { success, remaining, reset } = await limiter(Number(limit), Number(windowMs)).limit(identifier);
  console.log(`${success} ${remaining} ${reset}`);
}
