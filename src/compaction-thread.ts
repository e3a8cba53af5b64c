/** The thread that compacts a partition's log, so that the event loop serves clients meanwhile. Bundled on its own; see src/log/compaction/. */
import { compactInThread } from './log/compaction/compaction-thread.ts'

compactInThread()
