/**
 * bench/guard: `--guard [--record]`: has a change made the broker slower? The CPU time of fixed work is compared with that of the null
 * server for fixed work in the same run, and their ratio with the committed one. Ends with "N passed, N failed".
 */
import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { build } from 'esbuild'
import { nullServer, odradek, type Peer } from '../peers.ts'
import { cpuNs } from '../process-figures.ts'
import { judged } from './judge.ts'
import { type Check, checksOf } from './work.ts'

const bench = path.dirname(import.meta.dirname)
const recordedFile = path.join(bench, 'guard.json')
const nullBundle = path.join(bench, '.cache', 'null-server.js')
const warmUpRounds = 15
const rounds = 30
const launches = 4
/** Of all rounds. */
const miscountedShare = 0.05
const sides = ['broker', 'reference'] as const
/** A ratio may be so much above the recorded one; that of consuming moves more with what the machine does besides. Where these come from: bench/README.md. */
const marginOf = (check: string): number => (check.startsWith('consume') ? 0.25 : 0.12)

/** Ratios by check, for each major version of Node that they were recorded with. */
type Recorded = Record<string, Record<string, number>>

/** @returns the exit code */
export async function guard(args: readonly string[]): Promise<number> {
  const node = process.versions.node.split('.')[0]!
  const all = JSON.parse(readFileSync(recordedFile, 'utf8')) as Recorded
  const isRecording = args.includes('--record')
  if (!isRecording && all[node] === undefined) {
    throw new Error(`nothing is recorded for Node ${node}: --guard --record does that`)
  }
  const ratios = await measured()
  if (isRecording) {
    all[node] = Object.fromEntries([...ratios].map(([name, ratio]) => [name, Number(ratio.toFixed(3))]))
    writeFileSync(recordedFile, `${JSON.stringify(all, undefined, 2)}\n`)
  }
  const recorded = all[node]!
  const { lines, failed } = judged(ratios, recorded, marginOf)
  for (const line of lines) console.log(line)
  return failed === 0 ? 0 : 1
}

async function measured(): Promise<Map<string, number>> {
  await build({
    entryPoints: [path.join(bench, 'null-server.ts')],
    outfile: nullBundle,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    logLevel: 'warning',
  })
  const peers = [odradek(), nullServer(nullBundle)] as const
  const launchesOf: Runs[] = []
  for (let launch = 0; launch < launches; launch += 1) launchesOf.push(await launched(...peers))
  const names = [...launchesOf[0]!.keys()]
  return new Map(names.map((name) => [name, ratioOf(launchesOf.map((runs) => runs.get(name)!))]))
}

interface Sides {
  readonly broker: number[]
  readonly reference: number[]
}
/** CPU nanoseconds of each round, by check. */
type Runs = ReadonlyMap<string, Sides>

/** Of what each side took when nothing disturbed it: the least but for a few, as the kernel may count a part of a round to the next one. */
function ratioOf(launched: readonly Sides[]): number {
  const undisturbed = (side: keyof Sides) => {
    const rounds = launched.flatMap((runs) => runs[side]).sort((left, right) => left - right)
    return rounds[Math.floor(rounds.length * miscountedShare)]!
  }
  return undisturbed('broker') / undisturbed('reference')
}

/** New processes, since the compilers of one do not come to the same end as those of the next. */
async function launched(brokerPeer: Peer, nullPeer: Peer): Promise<Runs> {
  const [broker, reference] = [await brokerPeer.start(), await nullPeer.start()]
  try {
    const checks = await checksOf(broker, reference)
    for (let round = 0; round < warmUpRounds; round += 1) {
      for (const check of checks) for (const work of [check.broker, check.reference]) await work()
    }
    const runs = new Map<string, Sides>(checks.map(({ name }) => [name, { broker: [], reference: [] }]))
    for (let round = 0; round < rounds; round += 1) {
      for (const check of checks) {
        // Neither always goes first.
        for (const side of round % 2 === 0 ? sides : sides.toReversed()) {
          const { pid } = side === 'broker' ? broker : reference
          runs.get(check.name)![side].push(await cpuOf(pid, check[side]))
        }
      }
    }
    return runs
  } finally {
    await Promise.all([broker.stop(), reference.stop()])
  }
}

async function cpuOf(pid: number, work: Check['broker']): Promise<number> {
  const before = cpuNs(pid)
  await work()
  return cpuNs(pid) - before
}
