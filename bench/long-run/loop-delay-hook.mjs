/**
 * bench/long-run: is loaded into the broker before it starts (NODE_OPTIONS=--import): appends to the file BENCH_LOOP_DELAYS once a second
 * the time of day and for how long the event loop did not come round at the longest, both in milliseconds.
 */
import { appendFileSync } from 'node:fs'
import { monitorEventLoopDelay } from 'node:perf_hooks'

const resolutionMs = 10
const histogram = monitorEventLoopDelay({ resolution: resolutionMs })
histogram.enable()
setInterval(() => {
  const longestMs = Math.max(0, histogram.max / 1e6 - resolutionMs)
  histogram.reset()
  appendFileSync(process.env.BENCH_LOOP_DELAYS, `${Date.now()} ${longestMs.toFixed(1)}\n`)
}, 1000).unref()
