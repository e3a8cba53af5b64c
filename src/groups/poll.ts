/** groups: a request that waits for others, as a promise held outside of every queue. */
import type { KafkaError } from '../../protocol/errors.ts'
import type { Answer } from '../coordinator/state-machine.ts'
import type { GroupRecord } from './group-records.ts'

export class Poll<T> {
  readonly promise: Promise<T>
  resolve!: (result: T) => void
  reject!: (error: KafkaError) => void

  constructor() {
    this.promise = new Promise((resolve, reject) => {
      this.resolve = resolve
      this.reject = reject
    })
    // Whoever asked may have been answered with an error of his own command already.
    this.promise.catch(() => {})
  }
}

/** Collects what a transition of a group comes to: records to append, and answers to give when they are written. */
export class Outcome {
  readonly records: GroupRecord[] = []
  readonly answers: Answer[] = []

  answer<T>(poll: Poll<T>, result: T): void {
    this.answers.push({ deliver: () => poll.resolve(result), fail: (error) => poll.reject(error) })
  }
}
