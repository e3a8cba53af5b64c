/** bench: what the kernel says about a process: CPU time and memory, from /proc (proc(5)). */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

const ticksPerSecond = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }))

/** User and system time of all threads, ended ones too; in whole clock ticks. */
export function cpuMs(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const afterName = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const [user, system] = [Number(afterName[11]), Number(afterName[12])]
  return ((user + system) * 1000) / ticksPerSecond
}

export interface Memory {
  readonly residentMb: number
  readonly peakMb: number
}

export function memory(pid: number): Memory {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  const kilobytes = (field: string) => Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(status)?.[1])
  return { residentMb: (kilobytes('VmRSS') * 1024) / 1e6, peakMb: (kilobytes('VmHWM') * 1024) / 1e6 }
}

/** Notes a process's CPU time every few milliseconds, to tell afterwards what a stretch of time took. */
export class CpuTimeline {
  readonly #points: { readonly atMs: number; readonly cpuMs: number }[] = []
  readonly #timer: NodeJS.Timeout
  readonly #pid: number

  constructor(pid: number) {
    this.#pid = pid
    this.#note()
    this.#timer = setInterval(() => this.#note(), 20)
  }

  #note(): void {
    this.#points.push({ atMs: Date.now(), cpuMs: cpuMs(this.#pid) })
  }

  stop(): void {
    clearInterval(this.#timer)
    this.#note()
  }

  /** CPU time between two times of the wall clock. */
  between(startMs: number, endMs: number): number {
    return this.#at(endMs) - this.#at(startMs)
  }

  #at(timeMs: number): number {
    const next = this.#points.findIndex((point) => point.atMs >= timeMs)
    if (next === -1) return this.#points.at(-1)!.cpuMs
    const after = this.#points[next]!
    const before = this.#points[next - 1] ?? after
    if (after.atMs === before.atMs) return after.cpuMs
    return before.cpuMs + ((after.cpuMs - before.cpuMs) * (timeMs - before.atMs)) / (after.atMs - before.atMs)
  }
}
