/** test: a client that means well, and notes how long each of its requests takes. */
import { setTimeout as delay } from 'node:timers/promises'
import { RawClient } from '../network/raw-client.ts'
import { request } from '../server/serving.ts'
import { type GoodRequest, goodRequests } from './requests.ts'

const pauseMs = 2

export class GoodClient {
  readonly #raw: RawClient
  readonly #requests: readonly GoodRequest[]
  #times: number[] = []

  private constructor(raw: RawClient, requests: readonly GoodRequest[]) {
    this.#raw = raw
    this.#requests = requests
  }

  static async connect(port: number, requests = goodRequests): Promise<GoodClient> {
    return new GoodClient(await RawClient.connect(port), requests)
  }

  /** Asks until `ended`. @throws Error when its connection ends */
  async askUntil(ended: Promise<unknown>): Promise<void> {
    let isOver = false
    void ended.finally(() => (isOver = true)).catch(() => {})
    while (!isOver) {
      for (const { api, version, body } of this.#requests) {
        const bytes = request(api, version, body)
        const start = performance.now()
        this.#raw.send(bytes)
        await this.#raw.frame()
        this.#times.push(performance.now() - start)
      }
      await delay(pauseMs)
    }
  }

  /** In milliseconds, of what was asked since the last call. */
  p99(): number {
    const sorted = this.#times.sort((a, b) => a - b)
    this.#times = []
    return sorted[Math.floor(sorted.length * 0.99)] ?? 0
  }

  close(): void {
    this.#raw.destroy()
  }
}
