/** bench: the rows about a broker that has nothing yet: how soon it is there, what memory it takes, and what was installed for it. */
import { execFile } from 'node:child_process'
import { lstatSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import type { Measuring } from './measuring.ts'
import { root } from './peers.ts'
import { memory } from './process-figures.ts'
import { median } from './statistics.ts'

const startRow = 'start'
const memoryRow = 'memory-idle'
const installRow = 'install-size'
export const startRowNames = [startRow, memoryRow, installRow]

export async function measureStarts(measuring: Measuring): Promise<void> {
  if (measuring.wants(startRow, memoryRow))
    await measuring.attempt(`${startRow}, ${memoryRow}`, () => starts(measuring))
  await measuring.row(installRow, () => installSize(measuring))
}

/** The memory is that of the first, which is left alone for a while. */
async function starts(measuring: Measuring): Promise<void> {
  const { effort } = measuring
  const times: number[] = []
  for (let index = 0; index < effort.starts; index += 1) {
    await measuring.withBroker(async (broker) => {
      times.push(broker.startMs)
      if (index > 0 || !measuring.wants(memoryRow)) return
      await delay(effort.settleMs)
      measuring.note(memoryRow, 'resident', 'MB', memory(broker.pid).residentMb)
    })
  }
  measuring.note(startRow, 'start to ApiVersions', 'ms', median(times), times)
}

/** Of Odradek the package and what it installs, of Kafka the jars without a Java to run them, of kfake the program. */
async function installSize(measuring: Measuring): Promise<void> {
  const { peer, tools } = measuring
  if (peer.name === 'kafka') measuring.note(installRow, 'installed', 'MB', sizeMb(tools.jars))
  if (peer.name === 'kfake') measuring.note(installRow, 'installed', 'MB', sizeMb(tools.kfake))
  if (peer.name !== 'odradek') return
  const directory = mkdtempSync(path.join(tmpdir(), 'odradek-bench-'))
  try {
    const npm = (...args: string[]) => promisify(execFile)('npm', args, { cwd: root })
    const { stdout } = await npm('pack', '--json', '--pack-destination', directory)
    // The build before it may have said something too.
    const [packed] = JSON.parse(stdout.slice(stdout.search(/^\[/m))) as [{ filename: string; size: number }]
    const tarball = path.join(directory, packed.filename)
    const quiet = ['--omit=dev', '--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline']
    await npm('install', '--prefix', path.join(directory, 'installed'), ...quiet, tarball)
    measuring.note(installRow, 'packed', 'MB', packed.size / 1e6)
    measuring.note(installRow, 'installed', 'MB', sizeMb(path.join(directory, 'installed')))
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

/** Bytes of all files in it. */
function sizeMb(file: string): number {
  const entry = lstatSync(file)
  if (!entry.isDirectory()) return entry.size / 1e6
  return readdirSync(file).reduce((sum, name) => sum + sizeMb(path.join(file, name)), 0)
}
