/** telemetry: what topics take and give, counted for as long as they are there. */

export interface TopicCounts {
  messagesIn: number
  bytesIn: number
  bytesOut: number
  produceRequests: number
  failedProduceRequests: number
  fetchRequests: number
  failedFetchRequests: number
}

export class TopicTraffic {
  readonly #byTopic = new Map<string, TopicCounts>()

  get byTopic(): ReadonlyMap<string, Readonly<TopicCounts>> {
    return this.#byTopic
  }

  /** One partition's part of a Produce. */
  produced(topic: string, bytes: number, messages: number): void {
    const counts = this.#of(topic)
    counts.produceRequests += 1
    counts.bytesIn += bytes
    counts.messagesIn += messages
  }

  produceFailed(topic: string): void {
    const counts = this.#of(topic)
    counts.produceRequests += 1
    counts.failedProduceRequests += 1
  }

  /** One partition's part of the answer to a Fetch; undefined: nobody knows the topic. */
  fetched(topic: string | undefined, errorCode: number, records: readonly Buffer[]): void {
    if (topic === undefined) return
    if (errorCode !== 0 && !this.#byTopic.has(topic)) return
    const counts = this.#of(topic)
    counts.fetchRequests += 1
    if (errorCode !== 0) counts.failedFetchRequests += 1
    for (const { length } of records) counts.bytesOut += length
  }

  /** The topic is gone. */
  forget(topic: string): void {
    this.#byTopic.delete(topic)
  }

  #of(topic: string): TopicCounts {
    let counts = this.#byTopic.get(topic)
    if (counts === undefined) {
      counts = {
        ...{ messagesIn: 0, bytesIn: 0, bytesOut: 0, produceRequests: 0, failedProduceRequests: 0 },
        ...{ fetchRequests: 0, failedFetchRequests: 0 },
      }
      this.#byTopic.set(topic, counts)
    }
    return counts
  }
}
