export { EIP_FAULTS, type EipFaults } from './faults.ts';
export { createTagMemory, type MemberDeclaration, type Tag, type TagMemory } from './memory.ts';
export { type EipSimulator, type EipSimulatorOptions, startEipSimulator } from './server.ts';
