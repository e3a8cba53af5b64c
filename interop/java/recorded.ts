// interop: what Kafka's tools print of Apache Kafka, kept with its version, so that they have to say the same of any other broker.
import { readFileSync, writeFileSync } from 'node:fs'
import { assertEqual } from '../scenarios/report.ts'
import type { Run } from '../scenarios/run.ts'

export type Said = { exit: number; lines: string[] }

/** With `RECORD=true` it is written anew, which only a run against Apache Kafka may do. */
export class Recording {
  readonly #file: URL
  readonly #isWritten = process.env.RECORD === 'true'
  readonly #content: { kafka: string; said: Record<string, Said> }

  constructor(run: Run, file: URL) {
    this.#file = file
    if (this.#isWritten && !run.broker.name.startsWith('Apache Kafka')) throw new Error('only --kafka is recorded')
    this.#content = this.#isWritten
      ? { kafka: run.broker.name.replace('Apache Kafka ', ''), said: {} }
      : JSON.parse(readFileSync(file, 'utf8'))
  }

  /** Notes what was said under `name`, or compares it with what was noted. */
  take(name: string, said: Said): void {
    if (this.#isWritten) this.#content.said[name] = said
    else assertSame(said, this.#content.said[name])
  }

  /** Keeps what was noted; nothing if it was compared. */
  close(): void {
    if (this.#isWritten) writeFileSync(this.#file, `${JSON.stringify(this.#content, null, 2)}\n`)
  }
}

function assertSame(said: Said, recorded: Said | undefined): void {
  if (recorded === undefined) throw new Error('it was not recorded')
  assertEqual(said.exit, recorded.exit, 'exit status')
  for (let line = 0; line < Math.max(said.lines.length, recorded.lines.length); line++)
    assertEqual(said.lines[line], recorded.lines[line], `line ${line + 1}`)
}
