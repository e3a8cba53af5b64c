// interop: settings that every client over a librdkafka has.

/** Notices changes of a topic within `maxAgeMs`, also that it is gone, and creates none; nothing if undefined. */
export function metadataSettings(maxAgeMs: number | undefined): Record<string, string | number> {
  if (maxAgeMs === undefined) return {}
  return {
    'topic.metadata.refresh.interval.ms': maxAgeMs,
    'topic.metadata.propagation.max.ms': maxAgeMs,
    'allow.auto.create.topics': 'false',
  }
}
