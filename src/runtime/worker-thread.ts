/** runtime: a module in a thread of its own, for work that would hold up the event loop: it takes requests, one after the other, and answers them. */
import fs from 'node:fs'
import os from 'node:os'
import type { Worker } from 'node:worker_threads'

/** Threads, loaded for the first one: a broker that needs none starts without them. */
const threads = () => process.getBuiltinModule('node:worker_threads')

interface Answered {
  readonly value?: unknown
  readonly error?: { readonly message: string; readonly code: string | undefined }
}

interface Waiting {
  resolve(value: unknown): void
  reject(error: Error): void
}

/** The module `name` beside the module `from`, or above it (bundles lie in a folder of chunks); undefined where only sources are. */
export function threadModule(name: string, from: string): URL | undefined {
  for (const path of [`./${name}`, `../${name}`]) {
    const url = new URL(path, from)
    if (url.protocol === 'file:' && fs.existsSync(url)) return url
  }
  return undefined
}

/** Does not keep the process alive. */
export class WorkerThread {
  readonly #worker: Worker
  readonly #waiting: Waiting[] = []
  #ended: Error | undefined

  /** `data` and requests are copied over. */
  constructor(module: URL, data: unknown) {
    this.#worker = new (threads().Worker)(module, { workerData: data })
    this.#worker.unref()
    this.#worker.on('message', ({ value, error }: Answered) => {
      const waiting = this.#waiting.shift()
      if (error === undefined) waiting?.resolve(value)
      else
        waiting?.reject(Object.assign(new Error(error.message), error.code === undefined ? {} : { code: error.code }))
    })
    this.#worker.on('error', (error) => this.#end(error as Error))
    this.#worker.on('exit', () => this.#end(new Error('the thread has ended')))
  }

  ask(request: unknown): Promise<unknown> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended)
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject })
      this.#worker.postMessage(request)
    })
  }

  /** What is asked fails; resolves when the thread is gone. */
  async terminate(): Promise<void> {
    await this.#worker.terminate()
    this.#end(new Error('the thread was ended'))
  }

  #end(error: Error): void {
    this.#ended ??= error
    for (const { reject } of this.#waiting.splice(0)) reject(this.#ended)
  }
}

/** Only in a thread: what `WorkerThread` was given as `data`. */
export function threadData(): unknown {
  return threads().workerData
}

/** Only in a thread: it runs when no other thread wants the processor. Linux has priorities for threads; elsewhere it would be the whole process. */
export function giveWay(): void {
  if (process.platform !== 'linux') return
  try {
    os.setPriority(os.constants.priority.PRIORITY_LOW)
  } catch {
    // A container may forbid it: the thread is then one among equals.
  }
}

const neverNotified = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT))

/** Only in a thread: it stands still. A timer of the event loop would be no less than 1 ms. */
export function sleepThread(ms: number): void {
  Atomics.wait(neverNotified, 0, 0, ms)
}

/** Only in a thread: answers what is asked, in order. */
export function answerRequests<Request>(answer: (request: Request) => Promise<unknown>): void {
  const parentPort = threads().parentPort!
  let last: Promise<unknown> = Promise.resolve()
  parentPort.on('message', (request: Request) => {
    last = last.then(async () => {
      try {
        parentPort.postMessage({ value: await answer(request) } satisfies Answered)
      } catch (error) {
        const { message, code } = error as NodeJS.ErrnoException
        parentPort.postMessage({ error: { message, code } } satisfies Answered)
      }
    })
  })
}
