/** bench/scale: `--scale [--json FILE]`: what a broker costs as there is more of something, at four sizes each. */
import { writeFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { metadata } from '../../protocol/messages/index.ts'
import { FrameConnection } from '../frames.ts'
import { machine } from '../machine.ts'
import { type Broker, odradek, type Peer } from '../peers.ts'
import { cpuNs, memory } from '../process-figures.ts'
import { median } from '../statistics.ts'
import { batchOf, produceErrorAt, produceFrame, requestFrame, untilServed, WireClient } from '../wire-client.ts'
import { type Dimension, dimensions } from './dimensions.ts'
import { growth, type ScaleCurve, type ScalePoint, scaleMetrics } from './metrics.ts'

const settleMs = 3000
/** Long enough for what is done every few seconds. */
const idleMs = 15_000
const rounds = 5
const metadataPerRound = 10
const producesPerRound = 300
const metadataVersion = 9
const smallRecordBytes = 100
const probe = 'probe'

/** @returns the exit code */
export async function scale(args: readonly string[]): Promise<number> {
  const only = args.includes('--only') ? args[args.indexOf('--only') + 1] : undefined
  const peer = odradek()
  const curves: ScaleCurve[] = []
  for (const dimension of dimensions) {
    if (only !== undefined && !dimension.unit.startsWith(only)) continue
    const curve = { unit: dimension.unit, points: await pointsOf(peer, dimension) }
    curves.push(curve)
    console.log(tableOf(curve))
  }
  const json = args.includes('--json') ? args[args.indexOf('--json') + 1] : undefined
  if (json !== undefined) {
    writeFileSync(
      json,
      `${JSON.stringify({ ...machine('npm run bench -- --scale --json FILE'), scale: curves }, undefined, 1)}\n`,
    )
  }
  return 0
}

async function pointsOf(peer: Peer, dimension: Dimension): Promise<ScalePoint[]> {
  const points: ScalePoint[] = []
  const broker = await peer.start(dimension.settings)
  try {
    await WireClient.with(broker.port, async (client) => {
      await client.createTopic(probe, 1)
      await untilServed(() => client.produce(probe, 0))
    })
    let from = 0
    for (const count of dimension.counts) {
      console.error(`bench: ${count} ${dimension.unit}`)
      await dimension.grow?.(broker, from, count)
      points.push(await pointOf(broker, dimension, count))
      from = count
    }
  } finally {
    await broker.stop()
  }
  return points
}

async function pointOf(broker: Broker, dimension: Dimension, count: number): Promise<ScalePoint> {
  await broker.end('SIGTERM')
  dimension.lay?.(broker, count)
  await broker.startAgain()
  await WireClient.with(broker.port, (client) => untilServed(() => client.produce(probe, 0)))
  const [restartMs, restartCpuMs] = [performance.now() - broker.startedAtMs, cpuNs(broker.pid) / 1e6]
  const leave = await dimension.attend?.(broker, count)
  const requests = await requestsOf(broker)
  await delay(settleMs)
  const [{ residentMb }, before] = [memory(broker.pid), cpuNs(broker.pid)]
  await delay(idleMs)
  const idleCpuPercent = (100 * (cpuNs(broker.pid) - before)) / 1e6 / idleMs
  const metadataCpuMs = (await requests.cpuOfMetadata()) / 1e6
  const produceCpuUs = (await requests.cpuOfProduce()) / 1e3
  requests.close()
  await leave?.()
  return { count, restartMs, restartCpuMs, residentMb, idleCpuPercent, metadataCpuMs, produceCpuUs }
}

/** Requests whose CPU time, in nanoseconds for each, is the median of some rounds. The first round is for the compilers. */
async function requestsOf(broker: Broker) {
  const connection = await FrameConnection.open(broker.port)
  const allTopics = [requestFrame(metadata, metadataVersion, { topics: null }, 1)]
  const oneRecord = [produceFrame(probe, 0, batchOf(smallRecordBytes))]
  const cpuOf = async (frames: readonly Buffer[], count: number, errorAt?: number) => {
    const each: number[] = []
    for (let round = 0; round <= rounds; round += 1) {
      const before = cpuNs(broker.pid)
      await connection.send(frames, count, 1, errorAt)
      if (round > 0) each.push((cpuNs(broker.pid) - before) / count)
    }
    return median(each)
  }
  return {
    cpuOfMetadata: () => cpuOf(allTopics, metadataPerRound),
    cpuOfProduce: () => cpuOf(oneRecord, producesPerRound, produceErrorAt(probe)),
    close: () => connection.close(),
  }
}

function tableOf({ unit, points }: ScaleCurve): string {
  const rows = scaleMetrics.map(([metric, title]) => [
    title.padEnd(24),
    ...points.map((point) => point[metric].toPrecision(3).padStart(9)),
    growth(points, metric).toFixed(2).padStart(9),
  ])
  const head = [unit.padEnd(24), ...points.map(({ count }) => String(count).padStart(9)), 'power'.padStart(9)]
  return `${[head, ...rows].map((row) => row.join(' ')).join('\n')}\n`
}
