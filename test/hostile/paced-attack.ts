/**
 * test: what a client notices that produces and fetches, one request at a time, while mutated frames come at a rate that leaves the broker time
 * for others: its p99 is at most twice what it is without them. Rounds with and without them take turns, so that what else the machine does
 * falls on both, and the medians of the rounds are compared. A third kind of round, which decides nothing, has the same frames go to a server that
 * does nothing: what the client notices then is that the attacker takes its share of the same cores.
 */
import type { ChildProcess } from 'node:child_process'
import { setTimeout as delay } from 'node:timers/promises'
import type { AttackOrder } from './attacker.ts'
import { replyOf, startChild } from './children.ts'
import { GoodClient } from './good-client.ts'
import { goodRequests, producedAndFetched } from './requests.ts'
import type { State } from './target.ts'

const rounds = 7
const roundMs = 1500
const connections = 16
const framesAhead = 4
const allowed = 2

interface Pace {
  readonly seed: number
  readonly framesPerSecond: number
}

/** Returns what was wrong. */
export async function runPaced(
  target: ChildProcess,
  attacker: ChildProcess,
  { seed, framesPerSecond }: Pace,
): Promise<string[]> {
  const { ports } = await replyOf<State>(target, 'start')
  const first = await GoodClient.connect(ports[0]!, goodRequests)
  await first.askUntil(delay(roundMs))
  first.close()
  const good = await GoodClient.connect(ports[0]!, producedAndFetched)
  const nullTarget = startChild('null-target.ts')
  const otherPorts = [await replyOf<number>(nullTarget)]
  const quiet: number[] = []
  const hostile: number[] = []
  const elsewhere: number[] = []
  const count = (framesPerSecond * roundMs) / 1000
  for (let round = 0; round < rounds; round += 1) {
    const pace = { connections, framesAhead, framesPerSecond }
    const order: AttackOrder = { ...pace, ports, seed, count, from: round * count, isWhole: false }
    const besideAttack = async (given: AttackOrder): Promise<number> => {
      await replyOf(attacker, given)
      const attack = replyOf(attacker)
      await Promise.all([attack, good.askUntil(attack)])
      return good.p99()
    }
    hostile.push(await besideAttack(order))
    await good.askUntil(delay(roundMs))
    quiet.push(good.p99())
    elsewhere.push(await besideAttack({ ...order, otherPorts }))
  }
  good.close()
  nullTarget.disconnect()
  const { errors } = await replyOf<State>(target, 'stop')
  const [quietMs, hostileMs, elsewhereMs] = [median(quiet), median(hostile), median(elsewhere)]
  const p99 = `${quietMs.toFixed(2)} ms without them, ${hostileMs.toFixed(2)} ms with them, ${elsewhereMs.toFixed(2)} ms when they go to a server that only closes`
  console.log(`paced: ${framesPerSecond} frames/s on ${connections} connections; p99 of produce and fetch ${p99}`)
  const isSlow = hostileMs > allowed * quietMs
  return isSlow
    ? [...errors, `another client's p99 is ${(hostileMs / quietMs).toFixed(1)} times what it is alone`]
    : [...errors]
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!
}
