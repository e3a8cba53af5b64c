import { execFileSync } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import { bombs } from './bombs.ts'

interface Outcome {
  readonly batchBytes: number
  readonly outcome: string
  readonly cpuMs: number
  /** What the first write to 48 MB of new memory costs on this machine. */
  readonly touchMs: number
  readonly growthBytes: number
}

const child = new URL('bomb-child.ts', import.meta.url).pathname

/** In a process of its own, where no other test moves the peak of its memory. */
function explode(name: string): Outcome {
  return JSON.parse(execFileSync(process.execPath, ['--import', 'tsx', child, name], { encoding: 'utf8' })) as Outcome
}

/** Where a virtual machine has to ask its host for new memory, that alone can cost more than all the rest: then it is the measure. */
function allowedMs({ touchMs }: Outcome): number {
  return Math.max(50, 3 * touchMs)
}

describe('a batch of 1 MB that would inflate to far more', () => {
  it.each(Object.keys(bombs))('costs less than 50 MB and 50 ms of event loop: %s', (name) => {
    let outcome = explode(name)
    // Processor time, as the machine may be busy with other things; the best, as that moves it too.
    for (let attempt = 1; attempt < 4 && outcome.cpuMs >= allowedMs(outcome); attempt++) outcome = explode(name)
    expect(outcome.batchBytes).toBeLessThan(1.1 * 1024 * 1024)
    expect(outcome.outcome).toMatch(/MESSAGE_TOO_LARGE|CORRUPT_MESSAGE|INVALID_RECORD/)
    expect(outcome.cpuMs).toBeLessThan(allowedMs(outcome))
    expect(outcome.growthBytes).toBeLessThan(50 * 1024 * 1024)
  })
})
