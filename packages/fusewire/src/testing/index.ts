export type { TraceRecord } from '../session/trace.js'
export {
  CAPABILITIES,
  type Capabilities,
  type Capability,
  type Case,
  type Place,
  type User,
} from './conformance/case.js'
export { CASES, conformance, type Outcome, runConformance } from './conformance/suite.js'
export { SimulatedHandle } from './file-handle.js'
export type { Caller } from './kernel/caller.js'
export type { Violation } from './kernel/channel.js'
export { SystemError } from './kernel/errors.js'
export type { LockFound, LockOptions, LockRange } from './kernel/lock.js'
export {
  type ModelCheckOptions,
  ModelError,
  type ModelSummary,
  type ModelTarget,
  modelCheck,
} from './model/model-check.js'
export type { Operation } from './model/operations.js'
export type * from './posix-fs.js'
export { type ReplayDifference, type ReplayOptions, replay } from './replay.js'
export { SimulatedFs } from './simulated-fs.js'
export { Simulator, type SimulatorOptions, simulate, type UnmountReport } from './simulator.js'
