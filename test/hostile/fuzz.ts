/**
 * `npm run fuzz -- --count N [--seed S]`: sends N hostile frames to a broker in a process of its own, in rounds, on 64 connections, some of
 * them to a listener that asks for a login first. A client that means well works beside them. Each round has a broker of its own, and is
 * checked: it lives, logs no error, its good client's p99 is at most twice what it is beside whole requests, and nothing is left of it but what was there before: no
 * connection, no timer, memory within 10 % of what the first, fourth or twentieth round left, the last of them before it. With `--paced N` come rounds of N frames a second, with, without, and beside a server that does nothing with them (see paced-attack.ts). At last 5,000 connections (`--idle N`) say nothing until the idle limit closes them.
 * Prints a line per round, what went wrong, and last `N passed, N failed`.
 */
import type { ChildProcess } from 'node:child_process'
import { parseArgs } from 'node:util'
import { replyOf, startChild } from './children.ts'
import { GoodClient } from './good-client.ts'
import { allClosed, openIdle } from './idle-connections.ts'
import { runPaced } from './paced-attack.ts'
import type { State } from './target.ts'

const framesPerRound = 50_000
/** Three times their limit in the target. */
const maxIdleMs = 60_000
const warmUpFrames = 5000
const connections = 64
const allowedGrowth = 1.1
/** After these what is left is the new measure: what V8 notes of the functions that mutants have been in grows ever more slowly. */
const measuredRounds: readonly number[] = [1, 4, 20]
/** Until what is to be seen is seen; each look is some turns of the broker's event loop, and collects garbage. */
const maxLooks = 20
const allowedP99 = 2
/** Below this the other processes of the machine decide. */
const smallestP99Ms = 5

const { values } = parseArgs({
  options: {
    count: { type: 'string', default: '200000' },
    seed: { type: 'string', default: '1' },
    idle: { type: 'string', default: '5000' },
    paced: { type: 'string', default: '0' },
  },
})
const count = Number(values.count)
const seed = Number(values.seed)

interface Round {
  readonly number: number
  readonly from: number
  readonly count: number
}

interface RoundResult {
  readonly before: State
  readonly after: State
  readonly stopped: State
  readonly wholeP99Ms: number
  readonly hostileP99Ms: number
  readonly quietP99Ms: number
  readonly seconds: number
}

async function runRound(
  target: ChildProcess,
  attacker: ChildProcess,
  round: Round,
  left: Left | undefined,
): Promise<RoundResult> {
  const { ports } = await replyOf<State>(target, 'start')
  const good = await GoodClient.connect(ports[0]!)
  const order = { ports, seed, connections, isWhole: false }
  const beside = async (work: Promise<unknown>): Promise<number> => {
    await Promise.all([good.askUntil(work), work])
    return good.p99()
  }
  const quietP99Ms = await beside(new Promise((resolve) => setTimeout(resolve, 1000)))
  const whole = { ...order, isWhole: true, from: round.from, count: warmUpFrames }
  const wholeP99Ms = await beside(replyOf(attacker, whole))
  const before = await replyOf<State>(target, 'look')
  const startMs = performance.now()
  const hostileP99Ms = await beside(replyOf(attacker, { ...order, from: round.from, count: round.count }))
  const seconds = (performance.now() - startMs) / 1000
  const after = await replyOf<State>(target, 'look')
  good.close()
  let stopped = await replyOf<State>(target, 'stop')
  for (let looks = 1; looks < maxLooks && isTooMuch(stopped, left); looks += 1) {
    stopped = { ...(await replyOf<State>(target, 'look')), errors: stopped.errors }
  }
  return { before, after, stopped, wholeP99Ms, hostileP99Ms, quietP99Ms, seconds }
}

/** What was left after an earlier round. */
interface Left {
  readonly round: number
  readonly bytes: number
}

/** At first also where V8 compiles functions of the broker that is gone, on a thread of its own, and holds what they refer to. */
function isTooMuch({ bytes }: State, left: Left | undefined): boolean {
  return left !== undefined && bytes > left.bytes * allowedGrowth
}

function problemsOf({ before, after, stopped, ...times }: RoundResult, left: Left | undefined): string[] {
  const problems = [...new Set([...before.errors, ...after.errors, ...stopped.errors])]
  if (after.sockets > before.sockets) problems.push(`${after.sockets - before.sockets} connections are left`)
  if (stopped.sockets > 0) problems.push(`${stopped.sockets} connections are left after the end`)
  if (stopped.timers > 0) problems.push(`${stopped.timers} timers are left after the end`)
  if (isTooMuch(stopped, left)) {
    problems.push(`${megabytes(stopped.bytes)} are left, not ${megabytes(left!.bytes)} as after round ${left!.round}`)
  }
  if (times.hostileP99Ms > allowedP99 * Math.max(smallestP99Ms, times.wholeP99Ms)) {
    problems.push(`another client's p99 is ${times.hostileP99Ms.toFixed(1)} ms, not ${times.wholeP99Ms.toFixed(1)} ms`)
  }
  return problems
}

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`

function describe({ number, count }: Round, result: RoundResult): string {
  const { before, after, stopped, quietP99Ms, wholeP99Ms, hostileP99Ms, seconds } = result
  const p99 = `p99 ${quietP99Ms.toFixed(1)} ms alone, ${wholeP99Ms.toFixed(1)} ms beside whole frames, ${hostileP99Ms.toFixed(1)} ms beside these`
  const memory = `memory ${megabytes(before.bytes)} before, ${megabytes(after.bytes)} after, ${megabytes(stopped.bytes)} stopped (resident ${megabytes(stopped.residentBytes)})`
  return `round ${number}: ${count} frames, ${Math.round(count / seconds)}/s; ${p99}; ${memory}`
}

async function runIdle(target: ChildProcess, idle: number): Promise<string[]> {
  const before = await replyOf<State>(target, 'start for idle ones')
  const sockets = await openIdle(before.ports[0]!, idle)
  // The kernel says that they are connected before the broker has seen the last of them.
  let during = await replyOf<State>(target, 'look')
  for (let looks = 1; looks < maxLooks && during.sockets - before.sockets < idle; looks += 1) {
    during = await replyOf<State>(target, 'look')
  }
  const isClosed = await allClosed(sockets, maxIdleMs)
  for (const socket of sockets) socket.destroy()
  const after = await replyOf<State>(target, 'look')
  const stopped = await replyOf<State>(target, 'stop')
  const perConnection = (kind: 'bytes' | 'residentBytes'): string =>
    `${((during[kind] - before[kind]) / idle / 1000).toFixed(1)} KB`
  console.log(
    `idle: ${during.sockets - before.sockets} connections of ${perConnection('bytes')} each (resident ${perConnection('residentBytes')}); memory ${megabytes(before.bytes)} before, ${megabytes(after.bytes)} after`,
  )
  const problems = [...before.errors, ...during.errors, ...after.errors, ...stopped.errors]
  if (during.sockets - before.sockets < idle) problems.push('they were closed before their time')
  if (!isClosed) problems.push('they were not all closed by the idle limit')
  if (after.sockets > before.sockets) problems.push(`${after.sockets - before.sockets} connections are left`)
  if (after.bytes > before.bytes * allowedGrowth) problems.push('their memory was not given back')
  return problems
}

let passed = 0
let failed = 0
let left: Left | undefined
const report = (what: string, problems: readonly string[]): void => {
  for (const problem of problems) console.log(`${what}: ${problem}`)
  if (problems.length === 0) passed += 1
  else failed += 1
}
let target = startChild('target.ts')
const attacker = startChild('attacker.ts')
const rounds = Array.from({ length: Math.ceil(count / framesPerRound) }, (_, index): Round => {
  const from = index * framesPerRound
  return { number: index + 1, from, count: Math.min(framesPerRound, count - from) }
})
for (const round of rounds) {
  let problems: string[]
  try {
    const result = await runRound(target, attacker, round, left)
    problems = problemsOf(result, left)
    if (left === undefined || measuredRounds.includes(round.number))
      left = { round: round.number, bytes: result.stopped.bytes }
    console.log(describe(round, result))
  } catch (error) {
    problems = [(error as Error).stack ?? String(error)]
    target.kill()
    target = startChild('target.ts')
    left = undefined
  }
  report(`round ${round.number} of seed ${seed}`, problems)
}
const framesPerSecond = Number(values.paced)
if (framesPerSecond > 0) {
  const paced = runPaced(target, attacker, { seed, framesPerSecond })
  report('paced', await paced.catch((error: Error) => [String(error.stack)]))
}
const idle = Number(values.idle)
if (idle > 0) report('idle', await runIdle(target, idle).catch((error: Error) => [String(error.stack)]))
target.disconnect()
attacker.disconnect()
console.log(`${passed} passed, ${failed} failed`)
if (failed > 0) process.exitCode = 1
