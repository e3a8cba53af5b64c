/** bench: what the kernel says about a process: memory from /proc (proc(5)), CPU time as it grows from load.c. */
import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { spawnTracked } from './peers.ts'

export interface Memory {
  readonly residentMb: number
  readonly peakMb: number
}

export function memory(pid: number): Memory {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  const kilobytes = (field: string) => Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(status)?.[1])
  return { residentMb: (kilobytes('VmRSS') * 1024) / 1e6, peakMb: (kilobytes('VmHWM') * 1024) / 1e6 }
}

const msPerTick = 10

/** User and system time of all threads so far, in steps of a tick: for what takes long. */
export function cpuMs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ')
  const [utime, stime] = [Number(fields[11]), Number(fields[12])]
  return (utime + stime) * msPerTick
}

/** CPU time over the next `ms`, in percent of one core. */
export async function cpuPercent(pid: number, ms: number): Promise<number> {
  const [atMs, before] = [performance.now(), cpuMs(pid)]
  await delay(ms)
  return (100 * (cpuMs(pid) - before)) / (performance.now() - atMs)
}

/** CPU time of all its threads so far, to the nanosecond, from the scheduler: a thread that has just gone to sleep is up to date. */
export function cpuNs(pid: number): number {
  const tasks = readdirSync(`/proc/${pid}/task`)
  const spent = tasks.map((task) => Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'utf8').split(' ')[0]))
  const sum = spent.reduce((total, ns) => total + ns, 0)
  if (!(sum > 0)) throw new Error('this kernel does not count CPU time in /proc/PID/schedstat (CONFIG_SCHED_INFO)')
  return sum
}

/** Notes a process's CPU time every few milliseconds, to tell afterwards what a stretch of time took. */
export class CpuTimeline {
  readonly #stop: () => Promise<void>
  #text = ''

  /** @param load the compiled load.c */
  constructor(load: string, pid: number) {
    const child = spawnTracked(load, ['watch-cpu', `pid=${pid}`])
    child.stdout!.setEncoding('utf8').on('data', (text: string) => {
      this.#text += text
    })
    const closed = new Promise<void>((resolve) => child.once('close', () => resolve()))
    this.#stop = () => {
      child.kill()
      return closed
    }
  }

  stop(): Promise<void> {
    return this.#stop()
  }

  /** CPU time between two times of day, once it has stopped. */
  between(startMs: number, endMs: number): number {
    const points = this.#text
      .split('\n')
      .map((line) => line.split(' ').map(Number))
      .filter((point): point is [number, number] => point.length === 2)
    const at = (timeMs: number) => {
      const next = points.findIndex(([pointMs]) => pointMs >= timeMs)
      if (next <= 0) throw new Error('the CPU time was not watched all the while')
      const [[beforeMs, before], [afterMs, after]] = [points[next - 1]!, points[next]!]
      return before + ((after - before) * (timeMs - beforeMs)) / (afterMs - beforeMs)
    }
    return at(endMs) - at(startMs)
  }
}
