"""ModelsLab's voice and dubbing API, v6 and what of v7 its command line uses. https://docs.modelslab.com/voice-cloning"""
