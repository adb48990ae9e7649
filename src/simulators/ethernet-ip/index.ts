export { createTagMemory, type MemberDeclaration, type Tag, type TagMemory } from './memory.ts';
export { type EipFaults, type EipSimulator, type EipSimulatorOptions, startEipSimulator } from './server.ts';
